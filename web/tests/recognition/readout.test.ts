import { expect, test } from "vitest";
import { checkEmotionCard } from "../../src/recognition/cards.ts";
import { CLASSES } from "../../src/emotions.ts";
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

test("a model of one's own says which dimensions it measures; the others are of its classes", () => {
  const vad = golden.emotion.vad[1]!;
  const card = {
    ...golden.emotion,
    classes: CLASSES,
    labels: "classroom" as const,
    dimensions: ["valence", "dominance"],
    vad: CLASSES.map((_, k) => (k === 1 ? vad : ([0, 0, 0] as const))),
  };
  const logits = CLASSES.map((_, k) => (k === 1 ? 50 : 0));
  const shown = readOut(logits, card, [-0.5, 0.9, 1.7]);
  expect(shown.labels).toBe("classroom");
  expect(shown.p).toHaveLength(9);
  expect(shown.vad[0]).toBe(-0.5);
  expect(shown.vad[1]).toBeCloseTo(vad[1], 6);
  expect(shown.vad[2]).toBe(1);
  expect(readOut(golden.logits[0]!, golden.emotion).labels).toBe("ferplus");
});

test("a card must name the classes that its labels mean", () => {
  const card = { ...golden.emotion, file: "emotion.onnx", sha256: "", bytes: 1 };
  expect(checkEmotionCard(card)).toBe(card);
  for (const wrong of [
    { labels: "classroom" },
    { classes: CLASSES },
    { classes: golden.emotion.classes.toReversed() },
    { vad: [] },
  ]) {
    expect(() => checkEmotionCard({ ...card, ...wrong })).toThrow("emotion.json: expected neutral, ");
  }
});
