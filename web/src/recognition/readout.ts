// Logits to what a face shows, as classmood.classifier.

import type { ReadoutConstants } from "./cards.ts";

export interface Readout {
  /** Probabilities of the FER+ classes, in the card's order. */
  p: number[];
  /** Valence, arousal, dominance. */
  vad: [number, number, number];
  /** The chance that the most probable class is the one most raters chose. */
  confidence: number;
  notSure: boolean;
}

export function readOut(logits: ArrayLike<number>, card: ReadoutConstants): Readout {
  const p = softmax(logits, card.votes_temperature);
  const along = (axis: 0 | 1 | 2): number => p.reduce((sum, share, k) => sum + share * (card.vad[k]?.[axis] ?? 0), 0);
  const confidence = Math.max(...softmax(logits, card.confidence_temperature));
  return { p, vad: [along(0), along(1), along(2)], confidence, notSure: confidence < card.not_sure_below };
}

/** Probabilities of logits divided by a temperature. */
export function softmax(logits: ArrayLike<number>, temperature: number): number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const exponentials = values.map((value) => Math.exp((value - most) / temperature));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
