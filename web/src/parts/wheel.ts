// The geometry of the mood wheel: eight petals clockwise from the top in the paper's order, neutral in the middle.

import { EMOTIONS, type ClassName } from "../emotions.ts";

export const SIZE = 340;
const CENTRE = SIZE / 2;
const INNER = 46;
const OUTER = 164;
const GAP_DEGREES = 1.6;

export interface Petal {
  name: ClassName;
  path: string;
  x: number;
  y: number;
}

function point(radius: number, degrees: number): [number, number] {
  const angle = ((degrees - 90) * Math.PI) / 180;
  return [CENTRE + radius * Math.cos(angle), CENTRE + radius * Math.sin(angle)];
}

const text = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(" ");

/** A petal's outline: straight sides, a bulging outer edge. */
function outline(middle: number): string {
  const half = 180 / EMOTIONS.length;
  // The gap is as wide inside as outside.
  const inside = half - (GAP_DEGREES * OUTER) / INNER / 2;
  const outside = half - GAP_DEGREES / 2;
  const from = point(INNER + 6, middle - inside);
  const left = point(OUTER - 12, middle - outside);
  const right = point(OUTER - 12, middle + outside);
  const back = point(INNER + 6, middle + inside);
  return `M${text(from)}L${text(left)}A70 62 0 0 1 ${text(right)}L${text(back)}A${INNER + 6} ${INNER + 6} 0 0 0 ${text(from)}Z`;
}

export const PETALS: readonly Petal[] = EMOTIONS.map((name, k) => {
  const middle = (k * 360) / EMOTIONS.length;
  const [x, y] = point(119, middle);
  return { name, path: outline(middle), x, y };
});

export const HUB = { x: CENTRE, y: CENTRE, radius: INNER - 3 };

/** Which petal an arrow key leads to; the hub lies before the first and after the last. */
export function neighbour(from: ClassName, key: string): ClassName | null {
  const round: ClassName[] = ["neutral", ...EMOTIONS];
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  if (key === "Home") return "neutral";
  if (key === "End") return round.at(-1) ?? null;
  if (step === undefined) return null;
  return round[(round.indexOf(from) + step + round.length) % round.length] ?? null;
}
