// A frame to what the face in it shows: the page's pipeline, top to bottom.

import { at, type Row, SCORE } from "./boxes.ts";
import type { CropConstants } from "./cards.ts";
import { landmarks, makeCrop } from "./crops.ts";
import type { Follower } from "./follower.ts";
import type { EmotionNetwork } from "./networks.ts";
import { grey, type Pixels } from "./pixels.ts";
import type { Readout } from "./readout.ts";

export interface FaceBox {
  x: number;
  y: number;
  width: number;
  height: number;
  score: number;
}

/** What one frame shows. Boxes are in px of the frame. */
export interface Recognition extends Readout {
  face: FaceBox;
  /** Faces seen beside this one, which is the largest. */
  others: number;
  /** From the frame's pixels to this. */
  ms: number;
}

/** What the largest face of a frame shows; null where there is none. */
export async function recognise(
  frame: Pixels,
  follower: Follower,
  emotion: EmotionNetwork,
  crops: CropConstants,
): Promise<Omit<Recognition, "ms"> | null> {
  const rows = await follower.detect(frame);
  const [first, ...rest] = rows;
  if (!first) return null;
  const largest = rest.reduce((best, row) => (area(row) > area(best) ? row : best), first);
  const shown = await emotion(makeCrop(grey(frame), landmarks(largest), crops));
  const face = { x: at(largest, 0), y: at(largest, 1), width: at(largest, 2), height: at(largest, 3) };
  return { face: { ...face, score: at(largest, SCORE) }, others: rest.length, ...shown };
}

function area(row: Row): number {
  return at(row, 2) * at(row, 3);
}
