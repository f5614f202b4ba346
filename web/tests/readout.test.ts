import { expect, test } from "vitest";
import type { Release } from "../src/api.ts";
import { coverage, glance, isCrowded, isReadable, leading, tone, TOO_UNCERTAIN } from "../src/teacher/readout.ts";
import { en } from "../src/texts/en.ts";

const CLEAR: Release = {
  number: 3,
  time_s: 40,
  sharing: 40,
  class_size: 50,
  shares: { neutral: 0.5, joy: 0.4 },
  others: 0.1,
  half_width: 0.17,
  valence: 0.34,
  arousal: 0.21,
  dominance: 0.1,
  covariance: [0.1, 0.1, 0],
};

test("before the first release, in silence and under strong noise nothing is said of the class", () => {
  expect(glance(null, 5, en).clarity).toBe("waiting");
  expect(glance({ number: 0, time_s: 10 }, 5, en).clarity).toBe("silent");
  expect(glance({ ...CLEAR, half_width: TOO_UNCERTAIN + 0.001 }, 5, en).clarity).toBe("few");
  expect(glance({ ...CLEAR, half_width: TOO_UNCERTAIN }, 5, en).clarity).toBe("clear");
  for (const release of [null, { number: 0, time_s: 10 }, { ...CLEAR, half_width: 0.9 }]) {
    const found = glance(release, 5, en);
    for (const word of [...Object.values(en.teacher.glance.tones), "joy"]) expect(found.say).not.toContain(word);
  }
});

test("a class that cannot be read is not called calm", () => {
  const unread = { ...CLEAR, shares: { unsure: 0.6, neutral: 0.4 }, valence: 0, arousal: 0 };
  expect(glance(unread, 5, en).clarity).toBe("unread");
  expect(glance({ ...CLEAR, valence: null, arousal: null }, 5, en).clarity).toBe("unread");
});

test("a clear release is said with its lead and its uncertainty", () => {
  const found = glance(CLEAR, 5, en);
  expect(found.say).toBe(
    "The class seems lively and in good spirits, most of all what resembles joy (about 40 %).",
  );
  expect(found.sure).toBe("A fair impression: each share ± 17 points.");
});

test("a lead has to stand out of the noise", () => {
  expect(leading(CLEAR)).toEqual(["joy", 0.4]);
  expect(leading({ ...CLEAR, shares: { joy: 0.2 } })).toBeNull();
  expect(leading({ ...CLEAR, half_width: 0.05, shares: { joy: 0.2, grief: 0.25 } })).toEqual(["grief", 0.25]);
  expect(leading({ ...CLEAR, half_width: 0.05, shares: { neutral: 0.6, unsure: 0.3, joy: 0.1 } })).toBeNull();
});

test("every corner of the plane has its tone", () => {
  expect(tone(0, 0)).toBe("even-calm");
  expect(tone(0.5, 0)).toBe("pleasant-calm");
  expect(tone(0.5, 0.5)).toBe("pleasant-lively");
  expect(tone(0, 0.5)).toBe("even-lively");
  expect(tone(-0.5, 0.5)).toBe("unpleasant-lively");
  expect(tone(-0.5, -0.5)).toBe("unpleasant-calm");
});

test("coverage is always said", () => {
  expect(coverage(CLEAR, 24, 5, en)).toBe("40 of 50 sharing");
  expect(coverage({ ...CLEAR, class_size: null }, null, 5, en)).toBe("40 sharing");
  expect(coverage({ number: 0, time_s: 0 }, 24, 5, en)).toBe("fewer than 5 sharing");
  expect(coverage(null, 24, 7, en)).toBe("fewer than 7 sharing");
  expect(isReadable({ number: 0, time_s: 0 })).toBe(false);
});

test("more seats than students are said, since a code says nothing of who joins", () => {
  const crowd = { ...CLEAR, sharing: 51 };
  expect(coverage(crowd, 24, 5, en)).toBe("51 sharing, 50 expected");
  expect([isCrowded(crowd, 24), isCrowded(CLEAR, 24), isCrowded({ ...CLEAR, class_size: null }, 24)]).toEqual([true, false, true]);
  expect([isCrowded(null, 24), isCrowded({ number: 0, time_s: 0 }, 24), isCrowded({ ...crowd, class_size: null }, null)]).toEqual([false, false, false]);
});

test("a rise is told where shares can be read and where they cannot, and the greatest of several", () => {
  const few = { ...CLEAR, sharing: 13, half_width: 0.53, rises: { joy: 0.6, surprise: 0.4, confused: 0.7 } };
  expect(glance(few, 5, en)).toEqual({
    clarity: "few",
    say: "Just now more expressions resembling joy.",
    sure: expect.stringContaining("± 53 points"),
  });
  expect(glance({ ...CLEAR, rises: { surprise: 0.3 } }, 5, en).say).toMatch(/\. Just now more resembles surprise\.$/);
  expect(glance({ ...few, rises: { neutral: 0.6, confused: 0.4 } }, 5, en).say).toBe(en.teacher.glance.few);
});
