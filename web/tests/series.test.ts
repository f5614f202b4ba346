import { expect, test } from "vitest";
import type { Release } from "../src/api.ts";
import { areas, hatched, HEIGHT, layers, LAYERS, runs, ticks, view } from "../src/teacher/series.ts";

const release = (number: number, more: Partial<Release> = {}): Release => ({
  number,
  time_s: 10 * (number + 1),
  sharing: 30,
  shares: { neutral: 0.5, joy: 0.3, unsure: 0.1 },
  others: 0.1,
  half_width: 0.2,
  ...more,
});
const silent = (number: number): Release => ({ number, time_s: 10 * (number + 1) });

test("layers sum to 1, whatever rounding and hiding left", () => {
  for (const shares of [{ neutral: 0.5 }, { neutral: 0.9, joy: 0.2 }, {}, { unsure: 1 }]) {
    const found = layers(release(0, { shares, others: null }));
    expect(LAYERS.reduce((sum, layer) => sum + found[layer], 0)).toBeCloseTo(1, 9);
  }
  expect(layers(release(0, { shares: { neutral: 0.5 }, others: 0 })).others).toBeCloseTo(0.5);
});

test("a silence and a gap part the runs", () => {
  const seen = [release(0), release(1), silent(2), release(3), release(7), release(8)];
  expect(runs(seen, 10).map((run) => run.map((one) => one.number))).toEqual([[0, 1], [3], [7, 8]]);
  expect(runs([silent(0)], 10)).toEqual([]);
});

test("areas stack from the bottom to the top and stay inside", () => {
  const shapes = areas([release(0), release(1)], { from_s: 0, to_s: 20 }, 10);
  expect(shapes.map((shape) => shape.layer)).toEqual(["neutral", "joy", "others", "unsure"]);
  for (const shape of shapes) {
    const heights = [...shape.path.matchAll(/ (-?[\d.]+)/g)].map((found) => Number(found[1]));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...heights)).toBeLessThanOrEqual(HEIGHT);
  }
  expect(shapes[0]!.path).toMatch(/^M0\.00 50\.00L500\.00 50\.00L1000\.00 50\.00L1000\.00 100\.00/);
  expect(shapes.at(-1)!.path).toContain(" 0.00");
});

test("what is silent or too uncertain is hatched, in one piece where it hangs together", () => {
  const seen = [silent(0), release(1, { half_width: 0.5 }), release(2), silent(3)];
  expect(hatched(seen, { from_s: 0, to_s: 40 }, 10)).toEqual([
    [0, 50],
    [75, 25],
  ]);
  expect(hatched([release(0)], { from_s: 0, to_s: 40 }, 10)).toEqual([]);
  expect(hatched([silent(0)], { from_s: 20, to_s: 40 }, 10)).toEqual([]);
});

test("ticks are round times, few enough to read", () => {
  expect(ticks({ from_s: 0, to_s: 100 })).toEqual([0, 30, 60, 90]);
  for (const to_s of [5, 100, 900, 3600, 5400, 40000]) {
    const found = ticks({ from_s: 0, to_s });
    expect(found.length).toBeLessThanOrEqual(7);
    expect(found.length).toBeGreaterThanOrEqual(1);
  }
});

test("the view follows the class and is never narrower than ten intervals", () => {
  expect(view(30, 10, 900)).toEqual({ from_s: 0, to_s: 100 });
  expect(view(2000, 10, 900)).toEqual({ from_s: 1100, to_s: 2000 });
  expect(view(2000, 10, null)).toEqual({ from_s: 0, to_s: 2000 });
});
