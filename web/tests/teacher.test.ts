import { expect, test } from "vitest";
import { merged } from "../src/teacher/teacher.svelte.ts";

test("what comes twice is kept once, what was missed falls into its place, and newer answers stay", () => {
  const have = [
    { number: 0, text: "a" },
    { number: 3, text: "d" },
  ];
  const found = merged<{ number: number; text: string; usefulness?: string }>(have, [
    { number: 1, text: "b" },
    { number: 3, text: "d", usefulness: "useful" },
  ]);
  expect(found.map((one) => one.number)).toEqual([0, 1, 3]);
  expect(found[2]).toEqual({ number: 3, text: "d", usefulness: "useful" });
});
