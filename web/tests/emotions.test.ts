import { expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CLASSES, classShares, EMOTIONS, FERPLUS, FERPLUS_TO_CLASS, PLACES } from "../src/emotions.ts";
import { MOOD_S, PRESS_S } from "../src/student/presses.svelte.ts";
import { en } from "../src/texts/en.ts";

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../src/classmood/${path}`, import.meta.url)), "utf8");
const python = read("emotions.py");

/** What a name is set to in the Python source: what stands in brackets up to their end at a line's end. */
function body(name: string): string {
  return new RegExp(`^${name}: Final = [({]([^]*?)[)}]$`, "m").exec(python)![1]!;
}
const strings = (text: string): string[] => [...text.matchAll(/"([^"]+)"/g)].map((found) => found[1]!);
const pairs = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/"([^"]+)": "([^"]+)"/g)].map((found) => [found[1], found[2]]));

test("names and order are Python's", () => {
  expect([...EMOTIONS]).toEqual(strings(body("EMOTIONS")));
  expect([...FERPLUS]).toEqual(strings(body("FERPLUS_CLASSES")));
  expect(FERPLUS_TO_CLASS).toEqual(pairs(body("FERPLUS_TO_CLASSROOM")));
});

test("places are Python's", () => {
  const found = Object.fromEntries(
    [...`${body("CLASSROOM_VAD")})`.matchAll(/"(\w+)": \((-?[\d.]+), (-?[\d.]+), -?[\d.]+\)/g)].map((entry) => [
      entry[1],
      [Number(entry[2]), Number(entry[3])],
    ]),
  );
  expect(PLACES).toEqual(found);
});

test("the words are the standard terms", () => {
  const terms = pairs(body("STANDARD_TERM"));
  for (const name of CLASSES) expect(en.emotions[name]).toBe(terms[name]);
});

test("presses count here as long as the server counts them", () => {
  const release = read("server/release.py");
  expect(MOOD_S).toBe(Number(/mood_s: float = Field\(default=([\d.]+)/.exec(release)![1]));
  expect(PRESS_S).toBe(Number(/press_s: float = Field\(default=([\d.]+)/.exec(release)![1]));
});

test("disgust and contempt add up, and what is not measured is 0", () => {
  const shares = classShares([0.1, 0.2, 0, 0, 0, 0.3, 0, 0.4]);
  expect(shares).toMatchObject({ neutral: 0.1, joy: 0.2, appreciation: 0, caution: 0 });
  expect(shares.disdain).toBeCloseTo(0.7);
});

test("a model of the classroom's classes measures all nine", () => {
  const p = CLASSES.map((_, k) => k / 36);
  expect(Object.values(classShares(p, "classroom"))).toEqual(p);
});
