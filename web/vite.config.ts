import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { compress } from "./compress.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte(), compress()],
  build: {
    outDir: here("../src/classmood/server/page"),
    emptyOutDir: true,
    target: "es2022",
    // Browsers that know light-dark() and nesting by themselves.
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    // The policy of the pages (script-src and img-src 'self') allows nothing that is written into them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(
        ["index", "teach", "privacy", "experiment", "study"].map((name) => [name, here(`${name}.html`)]),
      ),
    },
  },
  worker: { format: "es" },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
