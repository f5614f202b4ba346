// Boxes around faces, as classmood.boxes: a detector's rows, overlap, and the choice among boxes that mean the same face.
// Coordinates are continuous, x right and y down; a box may reach past the image where a face is cut off.

/** x, y, width, height, five landmarks (x, y), score: float32, as in Python. */
export type Row = Float32Array;
export const ROW = 15;
export const SCORE = 14;

/** A value of an array at an index that is known to lie in it. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] as number;
}

/** Python's and NumPy's rounding: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Intersection over union. */
export function overlap(a: Row, b: Row): number {
  const both = shared(a, b);
  return both / Math.max(area(a) + area(b) - both, Number.MIN_VALUE);
}

/** The share of the first box that lies in the second. */
export function covered(a: Row, b: Row): number {
  return shared(a, b) / Math.max(area(a), Number.MIN_VALUE);
}

/** Non-maximum suppression: of boxes that overlap by more than a share, keep the first. */
export function keepDistinct<R extends { row: Row }>(found: R[], sameFaceIou: number): R[] {
  const kept: R[] = [];
  for (const one of found) {
    if (!kept.some((other) => overlap(one.row, other.row) > sameFaceIou)) kept.push(one);
  }
  return kept;
}

/** Whether every known face is among the rows. */
export function seesAll(rows: Row[], known: Row[], sameFaceIou: number): boolean {
  return known.every((face) => rows.some((row) => overlap(face, row) > sameFaceIou));
}

function area(box: Row): number {
  return at(box, 2) * at(box, 3);
}

function shared(a: Row, b: Row): number {
  const width = Math.min(at(a, 0) + at(a, 2), at(b, 0) + at(b, 2)) - Math.max(at(a, 0), at(b, 0));
  const height = Math.min(at(a, 1) + at(a, 3), at(b, 1) + at(b, 3)) - Math.max(at(a, 1), at(b, 1));
  return Math.max(width, 0) * Math.max(height, 0);
}
