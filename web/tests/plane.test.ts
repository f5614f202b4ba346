import { expect, test } from "vitest";
import { ellipse, LEAST_SPREAD } from "../src/teacher/plane.ts";

test("axes are the roots of the covariance's eigenvalues, turned to its eigenvector", () => {
  const along = ellipse(0.1, 0.2, [0.16, 0.04, 0]);
  expect([along.long, along.short, along.degrees]).toEqual([expect.closeTo(0.4), expect.closeTo(0.2), 0]);
  expect(ellipse(0, 0, [0.04, 0.16, 0]).degrees).toBeCloseTo(90);
  const turned = ellipse(0, 0, [0.1, 0.1, 0.06]);
  expect(turned.degrees).toBeCloseTo(45);
  expect(turned.long).toBeCloseTo(0.4);
  expect(turned.short).toBeCloseTo(0.2);
});

test("it never becomes a dot, and rounding never breaks it", () => {
  for (const covariance of [
    [0, 0, 0],
    [0.001, 0.001, 0.002],
    [0, 0.5, 0.001],
  ] as const) {
    const found = ellipse(0.5, 0.5, covariance);
    expect(found.short).toBeGreaterThanOrEqual(LEAST_SPREAD);
    expect(found.long).toBeGreaterThanOrEqual(found.short);
  }
});
