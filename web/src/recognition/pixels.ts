// Pixels, and the three operations on them that OpenCV does in Python, to the bit where its own arithmetic is fixed:
// halving by area, linear interpolation in 11-bit weights (OpenCV's path with SIMD), and grey by BT.601.

import { at } from "./boxes.ts";

/** Four bytes a pixel, red first, rows first, as a canvas gives them; the fourth is never looked at. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

export interface Grey {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Half of both sides; an odd last row or column is left out. */
export function halve(image: Pixels): Pixels {
  const width = image.width >> 1;
  const height = image.height >> 1;
  const data = new Uint8Array(4 * width * height);
  const { data: source } = image;
  const stride = 4 * image.width;
  for (let y = 0, to = 0; y < height; y++) {
    let from = 2 * y * stride;
    for (let x = 0; x < width; x++, from += 8, to += 4) {
      for (let c = 0; c < 3; c++) {
        const i = from + c;
        data[to + c] = (at(source, i) + at(source, i + 4) + at(source, i + stride) + at(source, i + stride + 4) + 2) >> 2;
      }
    }
  }
  return { data, width, height };
}

/** Linear interpolation to a size. */
export function resize(image: Pixels, width: number, height: number): Pixels {
  const data = new Uint8Array(4 * width * height);
  const columns = taps(image.width, width);
  const rows = taps(image.height, height);
  // Two interpolated rows of the source are held; going down, one of them often serves again.
  let upper: Strip = { row: -1, values: new Int32Array(3 * width) };
  let lower: Strip = { row: -1, values: new Int32Array(3 * width) };
  for (let y = 0, to = 0; y < height; y++) {
    const [above, below] = [at(rows.first, y), at(rows.second, y)];
    if (lower.row === above) [upper, lower] = [lower, upper];
    across(image, above, columns, upper);
    if (below === above) lower = { row: below, values: upper.values.slice() };
    else across(image, below, columns, lower);
    const [b0, b1] = [at(rows.firstWeight, y), at(rows.secondWeight, y)];
    for (let x = 0, i = 0; x < width; x++, to += 4) {
      for (let c = 0; c < 3; c++, i++) {
        data[to + c] =
          (((b0 * (at(upper.values, i) >> 4)) >> 16) + ((b1 * (at(lower.values, i) >> 4)) >> 16) + 2) >> 2;
      }
    }
  }
  return { data, width, height };
}

/** Luma by BT.601, rounded as OpenCV does. */
export function grey(image: Pixels): Grey {
  const { data: source, width, height } = image;
  const data = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < data.length; i++, from += 4) {
    data[i] = (at(source, from) * 9798 + at(source, from + 1) * 19235 + at(source, from + 2) * 3735 + 16384) >> 15;
  }
  return { data, width, height };
}

interface Strip {
  row: number;
  values: Int32Array;
}

interface Taps {
  first: Int32Array;
  second: Int32Array;
  firstWeight: Int32Array;
  secondWeight: Int32Array;
}

/** For every pixel along one side: the two it lies between, and their weights in 1/2048. */
function taps(from: number, to: number): Taps {
  const found = {
    first: new Int32Array(to),
    second: new Int32Array(to),
    firstWeight: new Int32Array(to),
    secondWeight: new Int32Array(to),
  };
  for (let i = 0; i < to; i++) {
    const place = Math.fround((i + 0.5) * (from / to) - 0.5);
    let first = Math.floor(place);
    let share = Math.fround(place - first);
    if (first < 0) [first, share] = [0, 0];
    if (first >= from - 1) [first, share] = [from - 1, 0];
    found.first[i] = first;
    found.second[i] = Math.min(first + 1, from - 1);
    found.firstWeight[i] = Math.round(Math.fround(1 - share) * 2048);
    found.secondWeight[i] = Math.round(share * 2048);
  }
  return found;
}

function across(image: Pixels, row: number, columns: Taps, strip: Strip): void {
  if (strip.row === row) return;
  strip.row = row;
  const { data } = image;
  const start = 4 * row * image.width;
  for (let x = 0, i = 0; x < columns.first.length; x++) {
    const left = start + 4 * at(columns.first, x);
    const right = start + 4 * at(columns.second, x);
    const [a0, a1] = [at(columns.firstWeight, x), at(columns.secondWeight, x)];
    for (let c = 0; c < 3; c++, i++) strip.values[i] = at(data, left + c) * a0 + at(data, right + c) * a1;
  }
}
