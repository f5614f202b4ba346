import { expect, test } from "vitest";
import { CLASSES, EMOTIONS, type ClassName } from "../src/emotions.ts";
import { HUB, neighbour, PETALS, SIZE } from "../src/parts/wheel.ts";

test("eight petals in the paper's order, clockwise from the top, apart from the hub", () => {
  expect(PETALS.map((petal) => petal.name)).toEqual([...EMOTIONS]);
  expect(PETALS[0]!.x).toBeCloseTo(SIZE / 2);
  expect(PETALS[0]!.y).toBeLessThan(SIZE / 2);
  expect(PETALS[2]!.x).toBeGreaterThan(SIZE / 2);
  for (const petal of PETALS) expect(Math.hypot(petal.x - HUB.x, petal.y - HUB.y)).toBeGreaterThan(HUB.radius + 20);
});

test("arrow keys reach every mood and come round", () => {
  for (const [there, back] of [
    ["ArrowRight", "ArrowLeft"],
    ["ArrowDown", "ArrowUp"],
  ] as const) {
    let at: ClassName = "neutral";
    const seen = new Set<ClassName>();
    for (let k = 0; k < CLASSES.length; k++) {
      seen.add(at);
      const next: ClassName = neighbour(at, there)!;
      expect(neighbour(next, back)).toBe(at);
      at = next;
    }
    expect(at).toBe("neutral");
    expect(seen.size).toBe(CLASSES.length);
  }
  expect(neighbour("joy", "Home")).toBe("neutral");
  expect(neighbour("joy", "End")).toBe("caution");
  expect(neighbour("joy", "x")).toBeNull();
});
