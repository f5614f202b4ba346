// No word of a page is outside of the catalogue, and a language is complete.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "svelte/compiler";
import { expect, test } from "vitest";
import { CATALOGUES, choose } from "../src/texts/index.ts";
import { en } from "../src/texts/en.ts";

const source = fileURLToPath(new URL("../src/", import.meta.url));
const SPOKEN = new Set(["aria-label", "aria-description", "alt", "title", "placeholder", "label"]);
const LETTERS = /\p{L}{2,}/u;

interface Node {
  type?: string;
  data?: string;
  name?: string;
  value?: unknown;
  [key: string]: unknown;
}

/** Words in a component's markup that come from no catalogue. */
function literals(node: unknown, found: string[] = []): string[] {
  if (Array.isArray(node)) node.forEach((one) => literals(one, found));
  else if (node && typeof node === "object") {
    const { type, name, value, data } = node as Node;
    if (type === "Attribute") {
      if (SPOKEN.has(name ?? "")) literals(value, found);
      return found;
    }
    if (type === "Text" && LETTERS.test(data ?? "")) found.push((data ?? "").trim());
    for (const [key, inside] of Object.entries(node)) if (key !== "parent" && key !== "metadata") literals(inside, found);
  }
  return found;
}

const components = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".svelte"));

test.each(components)("%s has no words of its own", (name) => {
  const tree = parse(readFileSync(source + name, "utf8"), { modern: true });
  expect(literals(tree.fragment)).toEqual([]);
});

test("the search for words finds them", () => {
  const tree = parse('<p title="A hint">Hello <b>{x}</b></p>', { modern: true });
  expect(literals(tree.fragment)).toEqual(["A hint", "Hello"]);
});

function shape(node: unknown, path = ""): string[] {
  if (typeof node !== "object" || node === null) return [`${path}:${typeof node}`];
  return Object.entries(node).flatMap(([key, inside]) => shape(inside, `${path}.${key}`));
}

test.each(Object.entries(CATALOGUES))("%s has every key and no empty word", (language, catalogue) => {
  expect(catalogue.language).toBe(language);
  expect(shape(catalogue)).toEqual(shape(en));
  const words = JSON.stringify(catalogue, (_, value) => (value === "" ? "EMPTY" : value));
  expect(words).not.toContain("EMPTY");
});

test("the first language that there is is chosen, else English", () => {
  expect(choose(["xx", "en-GB"])).toBe(en);
  expect(choose([])).toBe(en);
});
