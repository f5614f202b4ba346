// The catalogue of the reader's language. A new language is one file and one line here.

import { en } from "./en.ts";

type Widened<T> = T extends string
  ? string
  : T extends (...given: infer Given) => string
    ? (...given: Given) => string
    : { [Key in keyof T]: Widened<T[Key]> };

/** What a translation has to have. */
export type Texts = Widened<typeof en>;

export const CATALOGUES: Record<string, Texts> = { en };

/** The first of the wanted languages that there is; English otherwise. */
export function choose(wanted: readonly string[]): Texts {
  for (const tag of wanted) {
    const found = CATALOGUES[tag.toLowerCase().split("-")[0] ?? ""];
    if (found) return found;
  }
  return en;
}

export const texts: Texts = choose(typeof navigator === "undefined" ? [] : navigator.languages);

/** Name a page and set its language. */
export function entitle(title: string): void {
  document.documentElement.lang = texts.language;
  document.title = `${title} · ${texts.name}`;
}
