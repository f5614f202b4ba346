import { expect, test } from "vitest";
import { readOut } from "../../src/recognition/readout.ts";
import { difference, golden } from "./golden.ts";

test("probabilities, coordinates and confidence are Python's", () => {
  golden.logits.forEach((logits, i) => {
    const shown = readOut(logits, golden.emotion);
    expect(difference(shown.p, golden.shown.p[i] ?? []).most).toBeLessThan(1e-6);
    expect(difference(shown.vad, golden.shown.vad[i] ?? []).most).toBeLessThan(1e-6);
    expect(Math.abs(shown.confidence - (golden.shown.confidence[i] ?? 2))).toBeLessThan(1e-6);
    expect(shown.notSure).toBe(golden.shown.not_sure[i]);
  });
});

test("both answers occur", () => {
  expect(new Set(golden.shown.not_sure).size).toBe(2);
});
