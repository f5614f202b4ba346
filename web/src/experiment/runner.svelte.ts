// One attempt of a session, step after step, by the page's clock. It shows; what happened it tells to `log`.

import { tick } from "svelte";
import { dues, LOST_S, type Due } from "./course.ts";
import { StepRecorder } from "./recorder.ts";
import type { StudyCamera } from "./camera.svelte.ts";
import { asked, type Answers, type Begun, type Part, type Recording, type Step } from "./shapes.ts";

/** The last bit before a step is due is waited for frame by frame. */
const CLOSE_MS = 24;
/** A step is put on the page so much before it is due, as it takes until the next picture for it to be seen. */
const AHEAD_MS = 12;
const BEAT_MS = 500;

export type End = "done" | "stopped" | "lost" | "superseded" | "erased";

export interface RunnerHooks {
  log: (kind: string, step: number, time_ms: number, details: Record<string, unknown>) => void;
  part: (part: Part) => Promise<void>;
  onEnd: (end: End) => void;
}

export class Runner {
  step = $state.raw<Step | null>(null);
  skipped_s = $state(0);
  /** Seconds until the step is over, to the full second, for whoever wants to see them. */
  left_s = $state(0);
  answers = $state<Answers>({});
  calm = $state(false);
  recording = $state(false);

  #dues: Due[] = [];
  #cause: "time" | "stopped" | "interrupted" = "time";
  #cut: (() => void) | null = null;
  #end: End | null = null;
  #beat: ReturnType<typeof setInterval> | undefined;
  #recorder: { stop(): Promise<void> } | null = null;
  #goCalm = false;
  #closing: Promise<void>[] = [];

  constructor(
    private readonly steps: readonly Step[],
    private readonly begun: Begun,
    private readonly camera: StudyCamera,
    private readonly keeps: Recording,
    private readonly hooks: RunnerHooks,
  ) {
    this.calm = begun.calm;
  }

  async run(): Promise<void> {
    this.#watch();
    const start_ms = await frame();
    this.#dues = dues(this.steps, start_ms, this.begun.step, this.begun.elapsed_s, this.begun.calm);
    for (let due = this.#dues.shift(); due && !this.#end; due = this.#dues.shift()) {
      await this.#show(due);
      if (this.#goCalm && !this.#end) {
        this.#goCalm = false;
        this.calm = true;
        const now_ms = await frame();
        this.#dues = dues(this.steps, now_ms, 1, 0, true);
      }
    }
    clearInterval(this.#beat);
    this.step = null;
    await Promise.all(this.#closing);
    this.hooks.onEnd(this.#end ?? (this.calm ? "stopped" : "done"));
  }

  /** Leave what is shown, and go to what ends every session. */
  stop(): void {
    if (this.calm) return;
    this.#goCalm = true;
    this.#leave("stopped");
  }

  /** Leave at once. */
  end(why: End): void {
    this.#end ??= why;
    this.#leave("interrupted");
  }

  #leave(cause: "stopped" | "interrupted"): void {
    this.#cause = cause;
    this.#cut?.();
  }

  async #show(due: Due): Promise<void> {
    const { step } = due;
    this.#cause = "time";
    this.answers = {};
    this.skipped_s = due.skipped_s;
    this.left_s = Math.ceil((due.over_ms - performance.now()) / 1000);
    this.step = step;
    await tick();
    const onset_ms = await frame();
    this.hooks.log("onset", step.number, onset_ms, { planned_ms: due.planned_ms, skipped_s: due.skipped_s });
    if (step.records && this.camera.stream && !this.#end) this.#record(step.number, this.camera.stream);
    await this.#until(due.over_ms);
    const offset_ms = performance.now();
    if (step.page && this.#cause === "time") {
      const wanted = asked(step.page.kind);
      const complete = wanted.every((name) => this.answers[name] !== undefined);
      this.hooks.log("answer", step.number, offset_ms, { ...this.answers, complete });
    }
    this.hooks.log("offset", step.number, offset_ms, { planned_ms: due.over_ms, cause: this.#cause });
    this.recording = false;
    // The last part is kept while the next step is shown already.
    if (this.#recorder) this.#closing.push(this.#recorder.stop());
    this.#recorder = null;
  }

  #record(step: number, stream: MediaStream): void {
    if (this.keeps === "features") {
      if (!this.camera.reads) return;
      this.recording = true;
      this.#recorder = this.camera.read((time_ms, reading) => this.hooks.log("reading", step, time_ms, { ...reading }));
      return;
    }
    this.recording = true;
    const log = (state: string, time_ms: number, parts = 0): void =>
      this.hooks.log("recorded", step, time_ms, { state, parts });
    const recorder = new StepRecorder(stream, this.begun.attempt, step, {
      onPart: (part) => this.hooks.part(part),
      onBegan: (time_ms) => log("began", time_ms),
      onEnded: (parts) => log("ended", performance.now(), parts),
      onFailed: () => {
        this.recording = false;
        log("failed", performance.now());
      },
    });
    recorder.start();
    this.#recorder = recorder;
  }

  /** Until a moment of the page's clock, or until somebody cuts it short. */
  #until(over_ms: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const done = (): void => {
        clearTimeout(timer);
        this.#cut = null;
        resolve();
      };
      this.#cut = done;
      if (this.#end || this.#goCalm) return done();
      const look = (): void => {
        const left_ms = over_ms - performance.now();
        this.left_s = Math.max(0, Math.ceil(left_ms / 1000));
        if (left_ms <= AHEAD_MS) done();
        else if (left_ms < CLOSE_MS) void frame().then(() => (this.#cut === done ? look() : undefined));
        else timer = setTimeout(look, Math.min(200, left_ms - CLOSE_MS / 2));
      };
      look();
    });
  }

  /** A page that did not run, though it should have: the lid was closed, or the browser put it to sleep. */
  #watch(): void {
    // The time of day goes on while a device sleeps; the page's clock may not.
    let last_ms = Date.now();
    this.#beat = setInterval(() => {
      const gap_s = (Date.now() - last_ms) / 1000;
      last_ms = Date.now();
      if (gap_s < LOST_S) return;
      this.hooks.log("gap", this.step?.number ?? 0, performance.now(), { seconds: gap_s });
      this.end("lost");
    }, BEAT_MS);
  }
}

/** The next picture's time; in a tab that shows none, a moment later. */
export function frame(): Promise<number> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      cancelAnimationFrame(asking);
      resolve(performance.now());
    }, 250);
    const asking = requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve(performance.now());
    });
  });
}
