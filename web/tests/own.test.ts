import { expect, test } from "vitest";
import { ownState } from "../src/student/own.ts";
import type { Recognised } from "../src/student/wire.ts";
import { en } from "../src/texts/en.ts";

const READING: Recognised = {
  face: { x: 0, y: 0, width: 1, height: 1, score: 1 },
  labels: "ferplus",
  p: [0.1, 0.7, 0.1, 0.1, 0, 0, 0, 0],
  vad: [0, 0, 0],
  confidence: 0.8,
  notSure: false,
  ms: 1,
};

test("an expression resembles; it is never felt", () => {
  expect(ownState(READING, true, en)).toEqual({
    say: "An expression resembling joy",
    sure: "fairly sure",
    emotion: "joy",
  });
  const contempt = { ...READING, p: [0.1, 0.3, 0, 0, 0, 0.3, 0, 0.3] };
  expect(ownState(contempt, true, en).say).toBe("An expression resembling disgust");
});

test("not sure is an answer, and so are no face and not yet", () => {
  expect(ownState({ ...READING, notSure: true }, true, en).say).toBe("Not sure");
  expect(ownState({ ...READING, face: null }, true, en).say).toBe("No face found");
  expect(ownState(null, true, en).say).toBe("No face found");
  expect(ownState(null, false, en).emotion).toBeNull();
});

test("confidence is told in words", () => {
  expect(ownState({ ...READING, confidence: 0.6 }, true, en).sure).toBe("more likely than not");
  expect(ownState({ ...READING, confidence: 0.3 }, true, en).sure).toBe("a guess");
});
