// A face to a crop, as classmood.crops: 48x48 grey, turned, zoomed and shifted so that the landmarks come as near as can
// be to their median places in FER2013.

import { at, type Row } from "./boxes.ts";
import type { CropConstants } from "./cards.ts";
import type { Grey } from "./pixels.ts";

/** (x, y) -> (a x - b y + c, b x + a y + d). */
export interface Similarity {
  a: number;
  b: number;
  c: number;
  d: number;
}

/** The similarity that brings points (x, y, x, y, ...) nearest to the target, least squares, no reflection. */
export function fitSimilarity(points: ArrayLike<number>, target: readonly (readonly [number, number])[]): Similarity {
  const n = target.length;
  const mean = (value: (k: number) => number): number => target.reduce((sum, _, k) => sum + value(k), 0) / n;
  const x = (k: number): number => at(points, 2 * k);
  const y = (k: number): number => at(points, 2 * k + 1);
  const u = (k: number): number => at(target[k] ?? [], 0);
  const v = (k: number): number => at(target[k] ?? [], 1);
  const [mx, my, mu, mv] = [mean(x), mean(y), mean(u), mean(v)];
  const spread = Math.max(mean((k) => (x(k) - mx) ** 2 + (y(k) - my) ** 2), 1e-12 / n);
  const a = mean((k) => (x(k) - mx) * (u(k) - mu) + (y(k) - my) * (v(k) - mv)) / spread;
  const b = mean((k) => (x(k) - mx) * (v(k) - mv) - (y(k) - my) * (u(k) - mu)) / spread;
  return { a, b, c: mu - a * mx + b * my, d: mv - b * mx - a * my };
}

/** The landmarks of a detector's row. */
export function landmarks(row: Row): Float32Array {
  return row.subarray(4, 14);
}

/** Cut a face out of a grey image, by its landmarks. */
export function makeCrop(image: Grey, points: ArrayLike<number>, constants: CropConstants): Uint8Array {
  const { side_px: side, finest } = constants;
  const fit = fitSimilarity(points, constants.template_px);
  const zoom = Math.hypot(fit.a, fit.b);
  const k = Math.min(Math.max(Math.round(1 / Math.max(zoom, 1e-6)), 1), finest);
  // Pixel (i, j) of the crop is the mean of pixels k i .. k i + k - 1 of the fine grid, hence the half-pixel offset.
  const fine = { a: fit.a * k, b: fit.b * k, c: fit.c * k + (k - 1) / 2, d: fit.d * k + (k - 1) / 2 };
  const sampled = warp(image, fine, side * k);
  return k === 1 ? sampled : average(sampled, side, k);
}

/** A crop as the network takes it: grey in [0, 1], less the mean, over the spread. */
export function normalise(crop: Uint8Array, { pixel_mean: mean, pixel_spread: spread }: CropConstants): Float32Array {
  const scale = Math.fround(1 / (255 * spread));
  const shift = Math.fround(mean / spread);
  return Float32Array.from(crop, (level) => Math.fround(level * scale) - shift);
}

/**
 * Linear interpolation at the places that a similarity maps to whole pixels; outside, the border repeats. Single precision
 * with fused multiply-adds, as OpenCV 5 computes: a pixel that is one level off can move the recogniser's int8 answer.
 */
function warp({ data, width, height }: Grey, { a, b, c, d }: Similarity, side: number): Uint8Array {
  const out = new Uint8Array(side * side);
  const { fround } = Math;
  const inverse = 1 / (a * a + b * b);
  const [p, q] = [a * inverse, b * inverse];
  const [pf, qf, xf, yf] = [fround(p), fround(q), fround(-p * c - q * d), fround(q * c - p * d)];
  for (let v = 0, i = 0; v < side; v++) {
    const xOfRow = fround(fround(qf * v) + xf);
    const yOfRow = fround(fround(pf * v) + yf);
    for (let u = 0; u < side; u++, i++) {
      const x = fround(pf * u + xOfRow);
      const y = fround(-qf * u + yOfRow);
      const left = Math.floor(x);
      const top = Math.floor(y);
      const fx = fround(x - left);
      const fy = fround(y - top);
      const x0 = Math.min(Math.max(left, 0), width - 1);
      const x1 = Math.min(Math.max(left + 1, 0), width - 1);
      const upper = Math.min(Math.max(top, 0), height - 1) * width;
      const lower = Math.min(Math.max(top + 1, 0), height - 1) * width;
      const above = fround(fx * (data[upper + x1]! - data[upper + x0]!) + data[upper + x0]!);
      const below = fround(fx * (data[lower + x1]! - data[lower + x0]!) + data[lower + x0]!);
      out[i] = toEven(fround(fy * fround(below - above) + above));
    }
  }
  return out;
}

/** Every k x k pixels of a square to one. */
function average(fine: Uint8Array, side: number, k: number): Uint8Array {
  const sums = new Uint32Array(side * side);
  for (let y = 0, i = 0; y < side * k; y++) {
    const row = Math.floor(y / k) * side;
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (const end = i + k; i < end; i++) sum += fine[i]!;
      sums[row + x]! += sum;
    }
  }
  // OpenCV has its own way of halving.
  if (k === 2) return Uint8Array.from(sums, (sum) => (sum + 2) >> 2);
  const share = Math.fround(1 / (k * k));
  return Uint8Array.from(sums, (sum) => toEven(Math.fround(sum * share)));
}

/** Rounding of what is not below 0; a half goes to the even neighbour. */
function toEven(value: number): number {
  const up = Math.floor(value + 0.5);
  return up - value === 0.5 && up & 1 ? up - 1 : up;
}
