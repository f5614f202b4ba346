import { beforeEach, expect, test } from "vitest";
import { GAP_MS, Outbox, pressText, readingText, roundedShares, type Clock, type Recognised } from "../src/student/wire.ts";

const READING: Recognised = {
  face: { x: 0, y: 0, width: 10, height: 10, score: 0.9 },
  labels: "ferplus",
  p: [0.12345, 0.7, 0.05, 0.05, 0.03, 0.02, 0.02, 0.00655],
  vad: [0.61234, -0.40678, 1.2],
  confidence: 0.98765,
  notSure: false,
  ms: 40,
};

test("shares are rounded to two decimals and still sum to 1", () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 500; round++) {
    const raw = Array.from({ length: 8 }, () => random() ** 4);
    const all = raw.reduce((sum, share) => sum + share, 0);
    const found = roundedShares(raw.map((share) => share / all));
    expect(Math.round(100 * found.reduce((sum, share) => sum + share, 0))).toBe(100);
    found.forEach((share, k) => {
      expect(share).toBe(Math.round(share * 100) / 100);
      expect(Math.abs(share - raw[k]! / all)).toBeLessThan(0.01);
    });
  }
});

test("shares of nothing, and odd ones, are shares none the less", () => {
  for (const odd of [Array(8).fill(0), [1, ...Array(7).fill(0)], [-0.1, 1.1, 0, 0, 0, 0, 0, 0]]) {
    for (const share of roundedShares(odd)) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  }
});

test("a reading says whose classes it is of", () => {
  const own = { ...READING, labels: "classroom" as const, p: Array(9).fill(1 / 9) };
  expect(JSON.parse(readingText(own))).toMatchObject({ classes: "classroom", p: { length: 9 } });
  expect(JSON.parse(readingText(READING)).classes).toBe("ferplus");
});

test("a reading holds the schema's fields and no more", () => {
  const found = JSON.parse(readingText(READING));
  expect(Object.keys(found)).toEqual(["v", "type", "classes", "p", "vad", "confidence", "not_sure"]);
  expect(found.vad).toEqual([0.61, -0.41, 1]);
  expect(found.confidence).toBe(0.99);
  expect(readingText(READING).length).toBeLessThanOrEqual(256);
  expect(JSON.parse(pressText({ mood: "joy", confused: true, pace: "slower" }))).toEqual({
    v: 1,
    type: "press",
    mood: "joy",
    confused: true,
    pace: "slower",
  });
});

class Hand implements Clock {
  time = 0;
  due: { at: number; call: () => void }[] = [];
  now(): number {
    return this.time;
  }
  later(call: () => void, ms: number): void {
    this.due.push({ at: this.time + ms, call });
  }
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.due.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.due.splice(this.due.indexOf(next), 1);
      this.time = next.at;
      next.call();
    }
    this.time = end;
  }
}

let clock: Hand;
let open: boolean;
let sent: { at: number; text: string }[];
let outbox: Outbox;
const types = (): string[] => sent.map(({ text }) => JSON.parse(text).type);
const press = (mood: "joy" | "fury" | null, confused = false): void => outbox.press({ mood, confused, pace: null });

beforeEach(() => {
  clock = new Hand();
  open = true;
  sent = [];
  outbox = new Outbox((text) => {
    if (open) sent.push({ at: clock.time, text });
    return open;
  }, clock);
});

test("at most one message a second shows anything, however many are asked for", () => {
  for (let k = 0; k < 100; k++) {
    outbox.reading(READING);
    if (k % 7 === 0) press(null, k % 2 === 0);
    clock.pass(90);
  }
  clock.pass(5000);
  const gaps = sent.slice(1).map(({ at }, k) => at - sent[k]!.at);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(GAP_MS);
  expect(sent.length).toBeGreaterThan(8);
});

test("a press goes before a reading, and the newest of each", () => {
  outbox.reading(READING);
  press("joy");
  press("fury");
  outbox.reading(READING);
  clock.pass(2000);
  expect(types()).toEqual(["reading", "press", "reading"]);
  expect(JSON.parse(sent[1]!.text).mood).toBe("fury");
});

test("a mood that waits is not lost to another press", () => {
  press(null);
  press("joy");
  press(null, true);
  clock.pass(1000);
  expect(JSON.parse(sent[1]!.text)).toMatchObject({ mood: "joy", confused: true });
});

test("without a connection a press waits and a reading is dropped", () => {
  open = false;
  press("joy");
  clock.pass(3000);
  outbox.reading(READING);
  expect(sent).toEqual([]);
  open = true;
  outbox.again();
  clock.pass(5000);
  expect(types()).toEqual(["press", "reading"].slice(0, sent.length));
  expect(types()[0]).toBe("press");
});

test("a pause and a leave go at once and take what waited with them", () => {
  outbox.reading(READING);
  press("joy");
  outbox.pause();
  outbox.leave();
  clock.pass(5000);
  expect(types()).toEqual(["reading", "pause", "leave"]);
});
