import { expect, test } from "vitest";
import { decode } from "../../src/recognition/centerface.ts";
import { difference, golden } from "./golden.ts";

const maps = {
  heatmap: Float32Array.from(golden.maps.heatmap),
  size: Float32Array.from(golden.maps.size),
  offset: Float32Array.from(golden.maps.offset),
  landmarks: Float32Array.from(golden.maps.landmarks),
  rows: 12,
  columns: 16,
};

test("faces are read from the maps as in Python: the same ones, the surest first, box and landmarks voted", () => {
  const rows = decode(maps, 0.4, golden.constants);
  expect(rows.length).toBe(golden.rows.length);
  expect(rows.length).toBeGreaterThan(1);
  rows.forEach((row, i) => expect(difference(row, golden.rows[i] ?? []).most).toBeLessThan(1e-4));
});

test("nothing over the threshold is no face", () => {
  expect(decode(maps, 0.95, golden.constants)).toEqual([]);
});
