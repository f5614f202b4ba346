// When each step is due, by the page's clock: everything counts from one moment, so that lateness never adds up.

import type { Step } from "./shapes.ts";

export interface Due {
  step: Step;
  /** `performance.now` at which it should be on the screen, and at which it is over. */
  planned_ms: number;
  over_ms: number;
  /** How much of it was shown before a break. */
  skipped_s: number;
}

/** The steps from one on. `calm`: only what ends every session. */
export function dues(steps: readonly Step[], start_ms: number, from: number, elapsed_s: number, calm: boolean): Due[] {
  const found: Due[] = [];
  let now_ms = start_ms;
  for (const step of steps) {
    if (step.number < from || (calm && !endsCalmly(step))) continue;
    const skipped_s = step.number === from ? Math.min(elapsed_s, step.duration_s) : 0;
    const over_ms = now_ms + (step.duration_s - skipped_s) * 1000;
    found.push({ step, planned_ms: now_ms, over_ms, skipped_s });
    now_ms = over_ms;
  }
  return found;
}

export function endsCalmly(step: Step): boolean {
  return step.kind === "repair" || step.kind === "debrief";
}

/** A page that did not run for so long has lost its participant: what was shown is shown anew. */
export const LOST_S = 4;

/** Share of a session that is over, by time. */
export function progress(steps: readonly Step[], current: number): number {
  const total = steps.reduce((sum, step) => sum + step.duration_s, 0);
  const before = steps.reduce((sum, step) => sum + (step.number < current ? step.duration_s : 0), 0);
  return total ? before / total : 0;
}
