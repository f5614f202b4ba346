// Logits to what a face shows, as classmood.classifier.

import type { Labels, ReadoutConstants } from "./cards.ts";

const DIMENSIONS = ["valence", "arousal", "dominance"] as const;

export interface Readout {
  /** What `p` is of. */
  labels: Labels;
  /** Probabilities of the model's classes, in the card's order. */
  p: number[];
  /** Valence, arousal, dominance. */
  vad: [number, number, number];
  /** The chance that the most probable class is the one most raters chose. */
  confidence: number;
  notSure: boolean;
}

/** `dimensions` are what a model of one's own measures beside the classes, where its card names them. */
export function readOut(
  logits: ArrayLike<number>,
  card: ReadoutConstants,
  dimensions: ArrayLike<number> | null = null,
): Readout {
  const p = softmax(logits, card.votes_temperature);
  const along = (axis: 0 | 1 | 2): number => {
    const measured = card.dimensions?.includes(DIMENSIONS[axis]) ? dimensions?.[axis] : undefined;
    const value = measured ?? p.reduce((sum, share, k) => sum + share * (card.vad[k]?.[axis] ?? 0), 0);
    return Math.min(Math.max(value, -1), 1);
  };
  const confidence = Math.max(...softmax(logits, card.confidence_temperature));
  const labels = card.labels ?? "ferplus";
  return { labels, p, vad: [along(0), along(1), along(2)], confidence, notSure: confidence < card.not_sure_below };
}

/** Probabilities of logits divided by a temperature. */
export function softmax(logits: ArrayLike<number>, temperature: number): number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const exponentials = values.map((value) => Math.exp((value - most) / temperature));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
