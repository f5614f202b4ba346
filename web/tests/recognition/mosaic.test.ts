import { expect, test } from "vitest";
import { Mosaic } from "../../src/recognition/mosaic.ts";
import { bytes, difference, golden, pixels } from "./golden.ts";

const picture = { width: 256, height: 192 };
const boxes = golden.boxes.map((box) => Float32Array.from([...box, ...Array<number>(11).fill(0)]));
const mosaic = Mosaic.around(boxes, picture, golden.constants);

test("cells, places and size are Python's", () => {
  expect(mosaic.cells).toEqual(golden.mosaic.cells);
  expect(mosaic.places).toEqual(golden.mosaic.places);
  expect([mosaic.size.height, mosaic.size.width]).toEqual(golden.mosaic.shape);
});

test("what is found in it is moved back as in Python", () => {
  const restored = mosaic.restore(golden.mosaic.found.map((row) => Float32Array.from(row)));
  expect(restored.length).toBe(golden.mosaic.restored.length);
  restored.forEach((row, i) => expect(difference(row, golden.mosaic.restored[i] ?? []).most).toBeLessThan(1e-4));
});

test("what it does not show is what Python says", () => {
  expect(mosaic.outside(32, 18)).toEqual(bytes(golden.mosaic.outside));
});

test("a face within its cell is held, one that moved away is not", () => {
  expect(mosaic.holds(boxes, 0.1)).toBe(true);
  const moved = boxes.map((box) => box.map((value, i) => (i === 0 ? value + 60 : value)));
  expect(mosaic.holds(moved, 0.1)).toBe(false);
});

test("cells are copied to their places, red first, and the rest is black", () => {
  const rgb = Buffer.from(Array.from({ length: 3 * 256 * 192 }, (_, i) => (i % 3) * 40 + (Math.floor(i / 768) % 40) + 1));
  const canvas = mosaic.compose(pixels(rgb.toString("base64"), 256, 192));
  const area = canvas.width * canvas.height;
  const [cell, place] = [mosaic.cells[0] ?? [], mosaic.places[0] ?? []];
  const [left, top] = [cell[0] ?? 0, cell[1] ?? 0];
  const to = (place[1] ?? 0) * canvas.width + (place[0] ?? 0);
  const from = 3 * (top * 256 + left);
  expect([0, 1, 2].map((c) => canvas.planes[to + c * area])).toEqual([...rgb.subarray(from, from + 3)]);
  expect(canvas.planes.filter((value) => value > 0).length).toBe(
    3 * mosaic.cells.reduce((sum, [l, t, r, b]) => sum + (r - l) * (b - t), 0),
  );
});
