// The geometry of shares over time: runs of releases, stacked; hatching; ticks. Places are shares of the chart's sides.

import type { Release } from "../api.ts";
import { CLASSES, type ClassName } from "../emotions.ts";
import { isReadable, isSilent } from "./readout.ts";

export type Layer = ClassName | "others" | "unsure";
/** From the bottom up: the ground, the emotions, what is hidden, what is not known. */
export const LAYERS: readonly Layer[] = [...CLASSES, "others", "unsure"];

export interface Span {
  from_s: number;
  to_s: number;
}

export interface Area {
  layer: Layer;
  path: string;
}

export const WIDTH = 1000;
export const HEIGHT = 100;

/** Each layer's share of a release; hidden cells are together in "others". They sum to 1. */
export function layers(release: Release): Record<Layer, number> {
  const found = Object.fromEntries(LAYERS.map((layer) => [layer, release.shares?.[layer] ?? 0])) as Record<Layer, number>;
  found.others = release.others ?? 0;
  // Rounded shares may sum to a little more or less; what is missing is hidden too.
  const all = LAYERS.reduce((sum, layer) => sum + found[layer], 0);
  if (all < 1) found.others += 1 - all;
  else for (const layer of LAYERS) found[layer] /= all;
  return found;
}

/** Neighbouring releases that say something; a silence or a gap begins a new run. */
export function runs(releases: readonly Release[], interval_s: number): Release[][] {
  const found: Release[][] = [];
  let before: Release | null = null;
  for (const release of releases) {
    if (!isSilent(release)) {
      if (before && !isSilent(before) && release.time_s - before.time_s < 1.6 * interval_s) found.at(-1)?.push(release);
      else found.push([release]);
    }
    before = release;
  }
  return found;
}

/** Where a time lies in the chart, in its own units. */
export function place(time_s: number, span: Span): number {
  return ((time_s - span.from_s) / Math.max(span.to_s - span.from_s, 1e-9)) * WIDTH;
}

/** Stacked areas, joined from release to release; the first of a run holds for the interval that it closes. */
export function areas(releases: readonly Release[], span: Span, interval_s: number): Area[] {
  const paths = new Map<Layer, string>();
  for (const run of runs(releases, interval_s)) {
    const first = run[0];
    if (!first) continue;
    const shown = [{ at: first.time_s - interval_s, shares: layers(first) }];
    for (const release of run) shown.push({ at: release.time_s, shares: layers(release) });
    let under = shown.map(() => 0);
    for (const layer of LAYERS) {
      const over = under.map((low, k) => low + (shown[k]?.shares[layer] ?? 0));
      if (over.some((high, k) => high - (under[k] ?? 0) > 1e-6)) {
        const points = (heights: number[]): string[] =>
          heights.map((share, k) => `${place(shown[k]?.at ?? 0, span).toFixed(2)} ${((1 - Math.min(share, 1)) * HEIGHT).toFixed(2)}`);
        paths.set(layer, `${paths.get(layer) ?? ""}M${[...points(over), ...points(under).reverse()].join("L")}Z`);
      }
      under = over;
    }
  }
  return [...paths].map(([layer, path]) => ({ layer, path }));
}

/** The stretches, in percent of the width, where nothing is to be read: [left, width]. */
export function hatched(releases: readonly Release[], span: Span, interval_s: number): [number, number][] {
  const found: [number, number][] = [];
  for (const release of releases) {
    if (isReadable(release)) continue;
    const left = Math.max(0, place(release.time_s - interval_s, span)) / 10;
    const right = Math.min(WIDTH, place(release.time_s, span)) / 10;
    if (right <= left) continue;
    const last = found.at(-1);
    if (last && left - (last[0] + last[1]) < 0.01) last[1] = right - last[0];
    else found.push([left, right - left]);
  }
  return found;
}

const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Times to write under the chart, at most `most`. */
export function ticks(span: Span, most = 6): number[] {
  const step = STEPS_S.find((candidate) => (span.to_s - span.from_s) / candidate <= most) ?? 7200;
  const found: number[] = [];
  for (let at = Math.ceil(span.from_s / step) * step; at <= span.to_s; at += step) found.push(at);
  return found;
}

/** What is in view: the whole class or its last `last_s`; never less than ten intervals, so that the first ones are not giants. */
export function view(now_s: number, interval_s: number, last_s: number | null): Span {
  const least_s = 10 * interval_s;
  const from_s = last_s === null ? 0 : Math.max(0, now_s - last_s);
  return { from_s, to_s: Math.max(now_s, from_s + least_s) };
}
