import { expect, test } from "vitest";
import { clock, span } from "../src/clock.ts";

test("times are written as clocks, durations as words", () => {
  expect([0, 65, 599.9, 3600, 3905, -3].map(clock)).toEqual(["0:00", "1:05", "9:59", "1:00:00", "1:05:05", "0:00"]);
  expect([0.2, 40, 89, 90, 600].map((seconds) => span(seconds, "en"))).toEqual(["1 sec", "40 sec", "89 sec", "2 min", "10 min"]);
});
