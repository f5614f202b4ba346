// What Python makes of small drawn inputs (tests/golden/make_recognition.py), for this code to make too.
import { readFileSync } from "node:fs";
import type { Constants, EmotionCard } from "../../src/recognition/cards.ts";
import type { Pixels } from "../../src/recognition/pixels.ts";

interface Golden {
  constants: Constants;
  emotion: EmotionCard;
  image: { width: number; height: number; rgb: string };
  grey: string;
  shrunk: { scale: number; shape: [number, number]; factors: [number, number]; rgb: string }[];
  scales: { width: number; height: number; survey: number[]; fitted: number[]; working: [number, number][] }[];
  landmarks: number[][];
  matrices: number[][][];
  crops: string[];
  normalised: number[];
  maps: Record<"heatmap" | "size" | "offset" | "landmarks", number[]>;
  rows: number[][];
  boxes: number[][];
  mosaic: {
    cells: number[][];
    places: number[][];
    shape: [number, number];
    found: number[][];
    restored: number[][];
    outside: string;
  };
  logits: number[][];
  shown: { p: number[][]; vad: number[][]; confidence: number[]; not_sure: boolean[] };
}

export const golden = JSON.parse(
  readFileSync(new URL("../../../tests/golden/recognition.json", import.meta.url), "utf8"),
) as Golden;

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** RGB as a canvas has it. */
export function pixels(rgb: string, width: number, height: number): Pixels {
  const data = new Uint8Array(4 * width * height).fill(255);
  bytes(rgb).forEach((value, i) => (data[4 * Math.floor(i / 3) + (i % 3)] = value));
  return { data, width, height };
}

export function image(): Pixels {
  return pixels(golden.image.rgb, golden.image.width, golden.image.height);
}

/** The greatest difference between two rows of numbers, and how many of a thousand differ. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): { most: number; perMille: number } {
  if (a.length !== b.length) throw new Error(`expected ${b.length} values, got ${a.length}`);
  const apart = Array.from(a, (value, i) => Math.abs(value - (b[i] as number)));
  return { most: Math.max(...apart), perMille: (1000 * apart.filter((d) => d > 0).length) / apart.length };
}
