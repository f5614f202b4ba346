// What a student's page may send (classmood.server.messages), and when: at most one message a second shows anything.

import type { ClassName } from "../emotions.ts";

export const GAP_MS = 1000;
export type Pace = "slower" | "fine" | "faster";

/** What a recogniser says of one frame. */
export interface Recognised {
  face: { x: number; y: number; width: number; height: number; score: number } | null;
  /** What `p` is of. */
  labels: "ferplus" | "classroom";
  p: number[];
  vad: [number, number, number];
  confidence: number;
  notSure: boolean;
  ms: number;
}

export interface Pressed {
  mood: ClassName | null;
  confused: boolean;
  pace: Pace | null;
}

export function readingText(found: Recognised): string {
  return JSON.stringify({
    v: 1,
    type: "reading",
    classes: found.labels,
    p: roundedShares(found.p),
    vad: found.vad.map((value) => hundredths(clamp(value, -1, 1))),
    confidence: hundredths(clamp(found.confidence, 0, 1)),
    not_sure: found.notSure,
  });
}

export function pressText({ mood, confused, pace }: Pressed): string {
  return JSON.stringify({ v: 1, type: "press", mood, confused, pace });
}

/** Two decimals that still sum to 1: what is left over goes where rounding took most. */
export function roundedShares(shares: readonly number[]): number[] {
  const all = shares.reduce((sum, share) => sum + Math.max(share, 0), 0) || 1;
  const exact = shares.map((share) => (100 * Math.max(share, 0)) / all);
  const whole = exact.map(Math.floor);
  const left = 100 - whole.reduce((sum, share) => sum + share, 0);
  const order = exact.map((share, k) => [share - (whole[k] ?? 0), k] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  for (const [, k] of order.slice(0, left)) whole[k] = (whole[k] ?? 0) + 1;
  return whole.map((share) => share / 100);
}

export interface Clock {
  now(): number;
  later(call: () => void, ms: number): unknown;
}

const BROWSER: Clock = { now: () => performance.now(), later: (call, ms) => setTimeout(call, ms) };

/** Holds what cannot go yet: the newest press, else the newest reading. A pause and a leave never wait. */
export class Outbox {
  #press: string | null = null;
  #reading: string | null = null;
  #last = -Infinity;
  #due = false;

  constructor(
    private readonly send: (text: string) => boolean,
    private readonly clock: Clock = BROWSER,
  ) {}

  press(pressed: Pressed): void {
    // A mood that has not gone yet is not lost to a later press of another button.
    const waiting = this.#press === null ? null : (JSON.parse(this.#press) as Pressed);
    this.#press = pressText({ ...pressed, mood: pressed.mood ?? waiting?.mood ?? null });
    this.#flush();
  }

  reading(found: Recognised): void {
    this.#reading = readingText(found);
    this.#flush();
  }

  pause(): void {
    this.#press = this.#reading = null;
    this.send('{"v":1,"type":"pause"}');
  }

  leave(): void {
    this.#press = this.#reading = null;
    this.send('{"v":1,"type":"leave"}');
  }

  /** The socket is back. */
  again(): void {
    this.#flush();
  }

  #flush(): void {
    if (this.#due || (this.#press === null && this.#reading === null)) return;
    const left = this.#last + GAP_MS - this.clock.now();
    if (left > 0) {
      this.#due = true;
      this.clock.later(() => {
        this.#due = false;
        this.#flush();
      }, left);
      return;
    }
    if (this.#press !== null) {
      if (!this.#sent(this.#press)) return;
      this.#press = null;
      this.#flush();
    } else if (this.#reading !== null) {
      // A reading that finds no open socket is dropped: it would be stale.
      this.#sent(this.#reading);
      this.#reading = null;
    }
  }

  #sent(text: string): boolean {
    const went = this.send(text);
    if (went) this.#last = this.clock.now();
    return went;
  }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}

function clamp(value: number, low: number, high: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : 0;
}
