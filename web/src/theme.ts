// Light or dark: the system's, until somebody chooses; the choice stays on this device.

import { read, write } from "./memory.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "classmood-theme";

export function storedTheme(): Theme {
  const found = read(KEY);
  return THEMES.find((theme) => theme === found) ?? "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  write(KEY, theme);
}
