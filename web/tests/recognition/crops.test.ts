import { expect, test } from "vitest";
import { fitSimilarity, makeCrop, normalise } from "../../src/recognition/crops.ts";
import { grey } from "../../src/recognition/pixels.ts";
import { bytes, difference, golden, image } from "./golden.ts";

const constants = golden.emotion.crops;

test("the fit is Python's", () => {
  golden.landmarks.forEach((points, i) => {
    const { a, b, c, d } = fitSimilarity(points, constants.template_px);
    const expected = (golden.matrices[i] ?? []).flat();
    expect(difference([a, -b, c, b, a, d], expected).most).toBeLessThan(1e-9);
  });
});

test("five points in one place still give a crop", () => {
  const crop = makeCrop(grey(image()), new Float32Array(10).fill(40), constants);
  expect(crop.length).toBe(constants.side_px ** 2);
});

test.each(golden.crops.map((crop, i) => ({ crop, i })))("crop $i is Python's, one level apart in one of a thousand", (one) => {
  const crop = makeCrop(grey(image()), golden.landmarks[one.i] ?? [], constants);
  const { most, perMille } = difference(crop, bytes(one.crop));
  expect(most).toBeLessThanOrEqual(1);
  expect(perMille).toBeLessThan(1);
});

test("crops are normalised as in Python", () => {
  const made = normalise(bytes(golden.crops[0] ?? ""), constants);
  expect(difference(made.slice(0, 48), golden.normalised).most).toBeLessThan(1e-6);
});
