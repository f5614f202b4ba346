import { expect, test } from "vitest";
import { type Row, SCORE } from "../../src/recognition/boxes.ts";
import { Detector } from "../../src/recognition/detector.ts";
import { Follower } from "../../src/recognition/follower.ts";
import type { Canvas } from "../../src/recognition/mosaic.ts";
import type { Pixels } from "../../src/recognition/pixels.ts";
import { golden } from "./golden.ts";

/** Sees red rectangles as faces that score as blue as they are: tests/rectangles.py, for rectangles apart in rows. */
class Rectangles {
  areas: number[] = [];

  readonly see = ({ planes, width, height }: Canvas, threshold: number): Promise<Row[]> => {
    this.areas.push(width * height);
    const area = width * height;
    const isRed = (x: number, y: number): boolean => (planes[y * width + x] ?? 0) > 127;
    const rows: Row[] = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!isRed(x, y) || (x > 0 && isRed(x - 1, y)) || (y > 0 && isRed(x, y - 1))) continue;
        let [right, bottom] = [x, y];
        while (right < width && isRed(right, y)) right++;
        while (bottom < height && isRed(x, bottom)) bottom++;
        const score = (planes[2 * area + y * width + x] ?? 0) / 255;
        if (bottom - y < 13 || score < threshold) continue;
        const row = new Float32Array(15);
        row.set([x, y, right - x, bottom - y]);
        row[SCORE] = score;
        rows.push(row);
      }
    }
    return Promise.resolve(rows);
  };
}

type Box = [x: number, y: number, width: number, height: number];

function frame(boxes: Box[], [width, height] = [640, 480]): Pixels {
  const data = new Uint8Array(4 * (width as number) * (height as number)).fill(20);
  for (const [left, top, w, h] of boxes) {
    for (let y = top; y < top + h; y++) {
      for (let x = left; x < left + w; x++) data.set([230, 20, 230, 255], 4 * (y * (width as number) + x));
    }
  }
  return { data, width: width as number, height: height as number };
}

function following(): { network: Rectangles; follower: Follower } {
  const network = new Rectangles();
  return { network, follower: new Follower(new Detector(network.see, golden.constants)) };
}

function box(row: Row | undefined): number[] {
  return Array.from(row?.subarray(0, 4) ?? [], Math.round);
}

test("the first frame is surveyed at its own size, the next are looked at around the face alone", async () => {
  const { network, follower } = following();
  expect(box((await follower.detect(frame([[200, 120, 160, 200]])))[0])).toEqual([200, 120, 160, 200]);
  expect(Math.max(...network.areas)).toBe(640 * 480);
  network.areas = [];
  const [row] = await follower.detect(frame([[204, 122, 160, 200]]));
  expect(network.areas.length).toBe(1);
  expect(network.areas[0]).toBeLessThan((256 * 192) / 2);
  [204, 122, 160, 200].forEach((side, i) => expect(Math.abs((row?.[i] ?? 0) - side)).toBeLessThan(4));
});

test("a second person who comes is found within eight frames", async () => {
  const { follower } = following();
  await follower.detect(frame([[60, 120, 160, 200]]));
  let seen = 0;
  for (let i = 0; i < 8 && seen < 2; i++) {
    seen = (await follower.detect(frame([[60, 120, 160, 200], [420, 140, 150, 190]]))).length;
  }
  expect(seen).toBe(2);
});

test("who leaves is gone, and who comes back is found", async () => {
  const { follower } = following();
  await follower.detect(frame([[200, 120, 160, 200]]));
  expect(await follower.detect(frame([]))).toEqual([]);
  let rows: Row[] = [];
  for (let i = 0; i < 8 && !rows.length; i++) rows = await follower.detect(frame([[200, 120, 160, 200]]));
  expect(rows.length).toBe(1);
});

test("a frame of another size, or after forgetting, is surveyed", async () => {
  const { network, follower } = following();
  await follower.detect(frame([[200, 120, 160, 200]]));
  network.areas = [];
  await follower.detect(frame([[400, 200, 160, 200]], [1280, 720]));
  expect(Math.max(...network.areas)).toBe(1280 * 736);
  network.areas = [];
  follower.forget({ width: 0, height: 0 });
  await follower.detect(frame([[400, 200, 160, 200]], [1280, 720]));
  expect(Math.max(...network.areas)).toBe(1280 * 736);
});

test("no face asks for no more than the smallest that would be found", async () => {
  const { network, follower } = following();
  expect(await follower.detect(frame([]))).toEqual([]);
  network.areas = [];
  expect(await follower.detect(frame([]))).toEqual([]);
  expect(network.areas).toEqual([384 * 288]);
});
