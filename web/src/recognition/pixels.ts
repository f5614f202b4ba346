// Pixels, and the three operations on them that OpenCV does in Python, to the bit where its own arithmetic is fixed:
// halving by area, linear interpolation in 11-bit weights (OpenCV's path with SIMD), and grey by BT.601. Indices in these
// loops lie in their arrays, hence the exclamation marks; a function for that would be given arrays of every kind, and be
// slow at all of them.

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
    let i = 2 * y * stride;
    for (let x = 0; x < width; x++, i += 8, to += 4) {
      const j = i + stride;
      data[to] = (source[i]! + source[i + 4]! + source[j]! + source[j + 4]! + 2) >> 2;
      data[to + 1] = (source[i + 1]! + source[i + 5]! + source[j + 1]! + source[j + 5]! + 2) >> 2;
      data[to + 2] = (source[i + 2]! + source[i + 6]! + source[j + 2]! + source[j + 6]! + 2) >> 2;
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
    const above = rows.first[y]!;
    const below = rows.second[y]!;
    if (lower.row === above) {
      const served = upper;
      upper = lower;
      lower = served;
    }
    across(image, above, columns, upper);
    if (below === above) lower = { row: below, values: upper.values.slice() };
    else across(image, below, columns, lower);
    const b0 = rows.firstWeight[y]!;
    const b1 = rows.secondWeight[y]!;
    const u = upper.values;
    const l = lower.values;
    for (let x = 0, i = 0; x < width; x++, to += 4, i += 3) {
      data[to] = (((b0 * (u[i]! >> 4)) >> 16) + ((b1 * (l[i]! >> 4)) >> 16) + 2) >> 2;
      data[to + 1] = (((b0 * (u[i + 1]! >> 4)) >> 16) + ((b1 * (l[i + 1]! >> 4)) >> 16) + 2) >> 2;
      data[to + 2] = (((b0 * (u[i + 2]! >> 4)) >> 16) + ((b1 * (l[i + 2]! >> 4)) >> 16) + 2) >> 2;
    }
  }
  return { data, width, height };
}

/** Luma by BT.601, rounded as OpenCV does. */
export function grey(image: Pixels): Grey {
  const { data: source, width, height } = image;
  const data = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < data.length; i++, from += 4) {
    data[i] = (source[from]! * 9798 + source[from + 1]! * 19235 + source[from + 2]! * 3735 + 16384) >> 15;
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
  const { values } = strip;
  const start = 4 * row * image.width;
  for (let x = 0, i = 0; x < columns.first.length; x++, i += 3) {
    const left = start + 4 * columns.first[x]!;
    const right = start + 4 * columns.second[x]!;
    const a0 = columns.firstWeight[x]!;
    const a1 = columns.secondWeight[x]!;
    values[i] = data[left]! * a0 + data[right]! * a1;
    values[i + 1] = data[left + 1]! * a0 + data[right + 1]! * a1;
    values[i + 2] = data[left + 2]! * a0 + data[right + 2]! * a1;
  }
}
