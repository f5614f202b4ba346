import { expect, test } from "vitest";
import { MOOD_S, PRESS_S, Presses } from "../src/student/presses.svelte.ts";
import type { Pressed } from "../src/student/wire.ts";

function made(): [Presses, Pressed[]] {
  const sent: Pressed[] = [];
  return [new Presses((pressed) => sent.push(pressed)), sent];
}

test("a mood is told once and counts for five minutes, then the page says that it is over", () => {
  const [presses, sent] = made();
  presses.chooseMood("joy", 100);
  expect(sent).toEqual([{ mood: "joy", confused: false, pace: null }]);
  presses.tick(100 + MOOD_S - 1);
  expect([presses.mood, presses.moodOver]).toEqual(["joy", false]);
  presses.tick(100 + MOOD_S);
  expect([presses.mood, presses.moodOver]).toEqual([null, true]);
  presses.chooseMood("grief", 500);
  expect(presses.moodOver).toBe(false);
});

test("confusion and pace stand for a minute, are taken back by a second press, and are told together", () => {
  const [presses, sent] = made();
  presses.toggleConfused(0);
  presses.choosePace("slower", 10);
  expect(sent.at(-1)).toEqual({ mood: null, confused: true, pace: "slower" });
  presses.choosePace("slower", 20);
  expect(sent.at(-1)).toEqual({ mood: null, confused: true, pace: null });
  presses.tick(20 + PRESS_S);
  expect(presses.confused).toBe(false);
});

test("what stands is told again to a server that forgot, and nothing else", () => {
  const [presses, sent] = made();
  expect(presses.again(0)).toBe(false);
  presses.chooseMood("fury", 0);
  presses.toggleConfused(0);
  expect(presses.again(PRESS_S)).toBe(true);
  expect(sent.at(-1)).toEqual({ mood: "fury", confused: false, pace: null });
  expect(presses.again(2 * MOOD_S)).toBe(false);
  presses.chooseMood("fury", 0);
  presses.clear();
  expect(presses.again(1)).toBe(false);
});
