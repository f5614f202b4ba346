// The neighbourhoods of known faces, side by side in a picture smaller than the one they are cut from, as
// classmood.mosaic.

import { at, roundHalfEven, type Row } from "./boxes.ts";
import type { Constants } from "./cards.ts";
import type { Pixels } from "./pixels.ts";
import { roundUp, type Size } from "./scales.ts";

/** Left, top, right, bottom. */
type Cell = readonly [number, number, number, number];
type Place = readonly [left: number, top: number];

/** A picture as the network takes it: three planes of floats, red first. */
export interface Canvas extends Size {
  planes: Float32Array;
}

export function blackCanvas(width: number, height: number): Canvas {
  return { planes: new Float32Array(3 * width * height), width, height };
}

/** Copy a rectangle of a picture onto a canvas. */
export function paint(canvas: Canvas, picture: Pixels, [left, top, right, bottom]: Cell, [x, y]: Place): void {
  const area = canvas.width * canvas.height;
  const { planes } = canvas;
  const { data } = picture;
  for (let row = top; row < bottom; row++) {
    let from = 4 * (row * picture.width + left);
    let to = (y + row - top) * canvas.width + x;
    for (let column = left; column < right; column++, from += 4, to++) {
      planes[to] = data[from]!;
      planes[to + area] = data[from + 1]!;
      planes[to + 2 * area] = data[from + 2]!;
    }
  }
}

export class Mosaic {
  private constructor(
    readonly cells: readonly Cell[],
    readonly places: readonly Place[],
    readonly size: Size,
    readonly picture: Size,
  ) {}

  /** Plan cells around boxes in a picture at its working size; those that overlap become one. */
  static around(boxes: readonly Row[], picture: Size, constants: Constants): Mosaic {
    const cells = joined(boxes.map((box) => cellAround(box, picture, constants.mosaic)));
    const multiple = constants.scales.side_multiple_px;
    const { places, size } = shelves(cells.map(([l, t, r, b]) => [r - l, b - t]), multiple);
    return new Mosaic(cells, places, size, picture);
  }

  get areaPx(): number {
    return this.size.width * this.size.height;
  }

  /** Lay the picture's cells out; what is left between them is black. */
  compose(picture: Pixels): Canvas {
    const canvas = blackCanvas(this.size.width, this.size.height);
    this.cells.forEach((cell, i) => paint(canvas, picture, cell, this.places[i] as Place));
    return canvas;
  }

  /** Faces found in the mosaic, in the picture's px; without those whose centre is in no cell. */
  restore(rows: readonly Row[]): Row[] {
    const restored: Row[] = [];
    for (const row of rows) {
      const x = at(row, 0) + at(row, 2) / 2;
      const y = at(row, 1) + at(row, 3) / 2;
      this.cells.forEach(([left, top, right, bottom], i) => {
        const [placeX, placeY] = this.places[i] as Place;
        if (x < placeX || y < placeY || x >= placeX + right - left || y >= placeY + bottom - top) return;
        restored.push(movedPoints(row, (value, axis) => value + (axis ? top - placeY : left - placeX)));
      });
    }
    return restored;
  }

  /** Whether every face is within a cell, or at the picture's own border, by a margin in face heights. */
  holds(boxes: readonly Row[], margin: number): boolean {
    const { width, height } = this.picture;
    const within = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
    return boxes.every((box) => {
      const reach = margin * at(box, 3);
      const left = within(at(box, 0) - reach, width);
      const top = within(at(box, 1) - reach, height);
      const right = within(at(box, 0) + at(box, 2) + reach, width);
      const bottom = within(at(box, 1) + at(box, 3) + reach, height);
      return this.cells.some((cell) => left >= cell[0] && top >= cell[1] && right <= cell[2] && bottom <= cell[3]);
    });
  }

  /** Which pixels of a thumbnail show what no cell does: 1, row by row. */
  outside(width: number, height: number): Uint8Array {
    const unseen = new Uint8Array(width * height).fill(1);
    for (const cell of this.cells) {
      const [left, top, right, bottom] = cell.map((value, i) =>
        roundHalfEven(value * (i % 2 ? height / this.picture.height : width / this.picture.width)),
      ) as [number, number, number, number];
      for (let y = top; y < Math.min(Math.max(bottom, top + 1), height); y++) {
        unseen.fill(0, y * width + left, y * width + Math.min(Math.max(right, left + 1), width));
      }
    }
    return unseen;
  }
}

/** A row with its corner and landmarks moved, its size kept. */
export function movedPoints(row: Row, move: (value: number, axis: number) => number): Row {
  const moved = row.slice();
  for (let i = 0; i < 14; i++) if (i !== 2 && i !== 3) moved[i] = move(at(row, i), i % 2);
  return moved;
}

function cellAround(box: Row, picture: Size, { reach, grid_px: grid }: Constants["mosaic"]): Cell {
  const around = Math.fround(reach * at(box, 3));
  const within = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  return [
    within(Math.floor((at(box, 0) - around) / grid) * grid, picture.width),
    within(Math.floor((at(box, 1) - around) / grid) * grid, picture.height),
    within(Math.ceil((at(box, 0) + at(box, 2) + around) / grid) * grid, picture.width),
    within(Math.ceil((at(box, 1) + at(box, 3) + around) / grid) * grid, picture.height),
  ];
}

/** Cells with those that overlap replaced by the rectangle around them, until none do. */
function joined(cells: readonly Cell[]): Cell[] {
  const left = [...cells];
  const done: Cell[] = [];
  for (let a = left.pop(); a !== undefined; a = left.pop()) {
    const [l, t, r, b] = a;
    const other = done.findIndex((cell) => l < cell[2] && cell[0] < r && t < cell[3] && cell[1] < b);
    if (other < 0) {
      done.push(a);
      continue;
    }
    const [cell] = done.splice(other, 1) as [Cell];
    left.push([Math.min(l, cell[0]), Math.min(t, cell[1]), Math.max(r, cell[2]), Math.max(b, cell[3])]);
  }
  return done;
}

interface Plan {
  places: Place[];
  size: Size;
}

/** Put rectangles (width, height) on shelves, the highest first, in the width that wastes least. */
function shelves(sizes: readonly Place[], multiple: number): Plan {
  const widest = Math.max(multiple, ...sizes.map(([width]) => width));
  const total = sizes.reduce((sum, [width, height]) => sum + width * height, 0);
  const first = roundUp(widest, multiple);
  const last = Math.max(first, roundUp(Math.floor(2 * total ** 0.5), multiple));
  let best = shelved(sizes, first, multiple);
  for (let width = first + multiple; width <= last; width += multiple) {
    const plan = shelved(sizes, width, multiple);
    if (plan.size.width * plan.size.height < best.size.width * best.size.height) best = plan;
  }
  return best;
}

function shelved(sizes: readonly Place[], width: number, multiple: number): Plan {
  const places: Place[] = sizes.map(() => [0, 0]);
  let [x, y, shelf] = [0, 0, 0];
  const order = sizes.map(([w, h], i) => ({ i, w, h })).sort((a, b) => b.h - a.h);
  for (const { i, w, h } of order) {
    if (x + w > width) [x, y, shelf] = [0, y + shelf, 0];
    places[i] = [x, y];
    [x, shelf] = [x + w, Math.max(shelf, h)];
  }
  return { places, size: { width, height: roundUp(Math.max(y + shelf, 1), multiple) } };
}
