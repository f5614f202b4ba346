import { expect, test } from "vitest";
import { grey } from "../../src/recognition/pixels.ts";
import { fitSide, shrink, surveyScales, workingSize } from "../../src/recognition/scales.ts";
import { bytes, difference, golden, image, pixels } from "./golden.ts";

test("grey is OpenCV's, bit for bit", () => {
  expect(grey(image()).data).toEqual(bytes(golden.grey));
});

test.each(golden.shrunk)("shrinking by $scale gives OpenCV's pixels, one level apart in one of a hundred", (expected) => {
  const { picture, factors } = shrink(image(), expected.scale);
  expect([picture.height, picture.width]).toEqual(expected.shape);
  expect(factors[0]).toBeCloseTo(expected.factors[0], 12);
  expect(factors[1]).toBeCloseTo(expected.factors[1], 12);
  const { data } = pixels(expected.rgb, picture.width, picture.height);
  const colours = (of: ArrayLike<number>): number[] => Array.from(of).filter((_, i) => i % 4 < 3);
  const { most, perMille } = difference(colours(picture.data), colours(data));
  expect(most).toBeLessThanOrEqual(1);
  expect(perMille).toBeLessThan(10);
});

test.each(golden.scales)("$width x $height is shown at Python's sizes", (expected) => {
  const survey = surveyScales(expected, golden.constants);
  expect(survey).toEqual(expected.survey);
  const [large, small] = survey;
  expect([0.1, 0.33, 0.5, 2].map((wanted) => fitSide(expected, wanted, small, large, golden.constants))).toEqual(
    expected.fitted,
  );
  expect([0.1, 0.35, large].map((scale) => workingSize(expected, scale)).map((s) => [s.height, s.width])).toEqual(
    expected.working,
  );
});
