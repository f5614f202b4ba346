// The sizes at which an image is shown to the face network, as classmood.scales.

import { roundHalfEven } from "./boxes.ts";
import type { Constants } from "./cards.ts";
import { halve, type Pixels, resize } from "./pixels.ts";

export interface Size {
  width: number;
  height: number;
}

/** The scales of a survey's large and small pass. */
export function surveyScales(size: Size, { scales: k }: Constants): [large: number, small: number] {
  const area = size.width * size.height;
  const large = Math.min(
    (k.large_area_px / area) ** 0.5,
    Math.max(1, (k.large_area_at_least_px / area) ** 0.5),
    k.enlarge_at_most,
  );
  return [large, Math.min(k.small_side_px / Math.max(size.width, size.height), large / 2)];
}

/** A scale near the one wanted that makes the longer side a multiple of 32. */
export function fitSide(size: Size, scale: number, atLeast: number, atMost: number, { scales: k }: Constants): number {
  const side = Math.max(size.width, size.height);
  const fitted = (Math.max(1, roundHalfEven((side * scale) / k.side_multiple_px)) * k.side_multiple_px) / side;
  return Math.min(Math.max(fitted, atLeast), atMost);
}

/** An image of this size when shrunk by a scale. */
export function workingSize(size: Size, scale: number): Size {
  return {
    width: Math.max(1, roundHalfEven(size.width * scale)),
    height: Math.max(1, roundHalfEven(size.height * scale)),
  };
}

/** Resize by about a scale, and the factors for x and y that came of it. */
export function shrink(image: Pixels, scale: number): { picture: Pixels; factors: [x: number, y: number] } {
  const wanted = workingSize(image, scale);
  let picture = image;
  let halved = 1;
  while (scale * halved <= 0.5 && Math.min(picture.width, picture.height) >= 4) {
    picture = halve(picture);
    halved *= 2;
  }
  const factors: [number, number] = [
    wanted.width / (picture.width * halved),
    wanted.height / (picture.height * halved),
  ];
  if (picture.width !== wanted.width || picture.height !== wanted.height) {
    picture = resize(picture, wanted.width, wanted.height);
  }
  return { picture, factors };
}

/** The next multiple of 32. */
export function roundUp(side: number, multiple: number): number {
  return Math.ceil(side / multiple) * multiple;
}
