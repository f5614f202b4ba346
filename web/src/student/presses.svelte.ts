// What a student has pressed and for how long it counts (classmood.server.release: mood_s, press_s).

import type { ClassName } from "../emotions.ts";
import type { Pace, Pressed } from "./wire.ts";

export const MOOD_S = 300;
export const PRESS_S = 60;

export class Presses {
  mood = $state<ClassName | null>(null);
  /** A mood was pressed and its time is over. */
  moodOver = $state(false);
  confused = $state(false);
  pace = $state<Pace | null>(null);
  moodLeft_s = $state(0);
  #mood_s = -Infinity;
  #press_s = -Infinity;

  constructor(private readonly send: (pressed: Pressed) => void) {}

  chooseMood(mood: ClassName, time_s: number): void {
    this.mood = mood;
    this.moodOver = false;
    this.#mood_s = time_s;
    this.#tell(mood, time_s);
  }

  toggleConfused(time_s: number): void {
    this.confused = !this.confused;
    this.#tell(null, time_s);
  }

  choosePace(pace: Pace, time_s: number): void {
    this.pace = this.pace === pace ? null : pace;
    this.#tell(null, time_s);
  }

  /** Say again what stands, to a server that has forgotten it; whether there was anything. */
  again(time_s: number): boolean {
    this.tick(time_s);
    if (!this.mood && !this.confused && !this.pace) return false;
    if (this.mood) this.#mood_s = time_s;
    this.#tell(this.mood, time_s);
    return true;
  }

  clear(): void {
    this.mood = this.pace = null;
    this.confused = this.moodOver = false;
  }

  /** What no longer counts is shown no longer. */
  tick(time_s: number): void {
    this.moodLeft_s = this.mood ? Math.max(0, this.#mood_s + MOOD_S - time_s) : 0;
    if (this.mood && this.moodLeft_s === 0) {
      this.mood = null;
      this.moodOver = true;
    }
    if (time_s - this.#press_s >= PRESS_S) {
      this.confused = false;
      this.pace = null;
    }
  }

  #tell(mood: ClassName | null, time_s: number): void {
    // Each press tells all of them, so the server's minute begins anew for those that stand.
    this.#press_s = time_s;
    this.send({ mood, confused: this.confused, pace: this.pace });
    this.tick(time_s);
  }
}
