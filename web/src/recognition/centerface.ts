// CenterFace's read-out, as classmood.centerface, where the maths is told.

import { at, keepDistinct, type Row, ROW, SCORE } from "./boxes.ts";
import type { Constants } from "./cards.ts";

/** The network's four maps, each of a quarter of the picture's sides. */
export interface Maps {
  heatmap: Float32Array;
  size: Float32Array;
  offset: Float32Array;
  landmarks: Float32Array;
  rows: number;
  columns: number;
}

interface Peak {
  r: number;
  c: number;
  score: number;
  row: Row;
}

/** Faces that score a threshold or more, the surest first. */
export function decode(maps: Maps, threshold: number, constants: Constants): Row[] {
  const { centerface: k, boxes } = constants;
  const found = peaks(maps, threshold).map((peak) => ({ ...peak, row: read(maps, peak.r, peak.c, k.stride_px) }));
  found.sort((a, b) => b.score - a.score);
  return keepDistinct(found, boxes.same_face_iou).map((peak) => voted(maps, peak, k));
}

/** Cells that no neighbour outdoes. */
function peaks({ heatmap, rows, columns }: Maps, threshold: number): Omit<Peak, "row">[] {
  const found: Omit<Peak, "row">[] = [];
  const least = Math.fround(threshold);
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, i++) {
      const score = heatmap[i]!;
      if (score >= least && isHighest(heatmap, rows, columns, r, c)) found.push({ r, c, score });
    }
  }
  return found;
}

function isHighest(heatmap: Float32Array, rows: number, columns: number, r: number, c: number): boolean {
  const score = at(heatmap, r * columns + c);
  for (let y = Math.max(r - 1, 0); y <= Math.min(r + 1, rows - 1); y++) {
    for (let x = Math.max(c - 1, 0); x <= Math.min(c + 1, columns - 1); x++) {
      if (at(heatmap, y * columns + x) > score) return false;
    }
  }
  return true;
}

/** The mean of the cells around a peak that agree with it, weighted by score. */
function voted(maps: Maps, peak: Peak, k: Constants["centerface"]): Row {
  const { heatmap, rows, columns } = maps;
  const own = peak.row;
  const total = new Float64Array(SCORE);
  let weights = 0;
  for (let r = Math.max(peak.r - k.reach, 0); r <= Math.min(peak.r + k.reach, rows - 1); r++) {
    for (let c = Math.max(peak.c - k.reach, 0); c <= Math.min(peak.c + k.reach, columns - 1); c++) {
      const weight = at(heatmap, r * columns + c);
      if (weight < Math.fround(k.vote_share * peak.score)) continue;
      const vote = read(maps, r, c, k.stride_px);
      if (apart(vote, own, 0) > k.vote_near || apart(vote, own, 1) > k.vote_near) continue;
      weights += weight;
      for (let i = 0; i < SCORE; i++) total[i] = at(total, i) + at(vote, i) * weight;
    }
  }
  const row = new Float32Array(ROW);
  for (let i = 0; i < SCORE; i++) row[i] = at(total, i) / weights;
  row[SCORE] = peak.score;
  return row;
}

/** Between the centres of two boxes along an axis, in the second's sides. */
function apart(a: Row, b: Row, axis: 0 | 1): number {
  const centre = (box: Row): number => at(box, axis) + at(box, axis + 2) / 2;
  return Math.abs(centre(a) - centre(b)) / at(b, axis + 2);
}

/** Box and landmarks as a single cell sees them. */
function read({ size, offset, landmarks, rows, columns }: Maps, r: number, c: number, stride: number): Row {
  const plane = rows * columns;
  const cell = r * columns + c;
  const height = stride * Math.exp(at(size, cell));
  const width = stride * Math.exp(at(size, plane + cell));
  const top = stride * (r + at(offset, cell) + 0.5) - height / 2;
  const left = stride * (c + at(offset, plane + cell) + 0.5) - width / 2;
  const row = new Float32Array(ROW);
  row.set([left, top, width, height]);
  for (let k = 0; k < 5; k++) {
    row[4 + 2 * k] = left + width * at(landmarks, (2 * k + 1) * plane + cell);
    row[5 + 2 * k] = top + height * at(landmarks, 2 * k * plane + cell);
  }
  return row;
}
