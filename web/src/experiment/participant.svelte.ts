// A participant's way through the page: code, decision, camera, session, end.

import { ApiError, call } from "../api.ts";
import { plainCode, shownCode } from "../student/keep.ts";
import { texts } from "../texts/index.ts";
import { StudyCamera } from "./camera.svelte.ts";
import { Clocks } from "./clocks.ts";
import { isErased, Outbox } from "./outbox.svelte.ts";
import { Runner, type End } from "./runner.svelte.ts";
import { codeIn, keepSeat, keptSeat, type Seat } from "./seat.ts";
import type { Begun, ComeIn, Decision, Step } from "./shapes.ts";
import { openStorage, type Storage } from "./storage.ts";

export type View =
  | "loading"
  | "code"
  | "decide"
  | "declined"
  | "check"
  | "ready"
  | "run"
  | "away"
  | "elsewhere"
  | "over";
export type Over = "done" | "stopped" | "erased" | "ended";

const FINISH_TRIES_MS = 3000;

export class Participant {
  view = $state<View>("loading");
  code = $state("");
  busy = $state(false);
  error = $state("");
  comeIn = $state.raw<ComeIn | null>(null);
  seat = $state.raw<Seat | null>(null);
  steps = $state.raw<Step[]>([]);
  loaded = $state.raw({ part: 0, all: 0 });
  runner = $state.raw<Runner | null>(null);
  outbox = $state.raw<Outbox | null>(null);
  over = $state<Over>("done");
  /** The server knows that it is over, and has all of it. */
  finished = $state(false);
  readonly camera = new StudyCamera((state) => this.#log("camera", this.runner?.step?.number ?? 0, performance.now(), { state }));

  #storage: Storage | null = null;
  #clocks: Clocks | null = null;
  #attempt = 0;
  #sequence = 0;
  #media = new Map<string, string>();
  #erased = false;
  #awake: { release(): Promise<void> } | null = null;

  async begin(): Promise<void> {
    this.#storage = await openStorage();
    const code = codeIn(location.pathname);
    const known = code ?? keptSeat(null)?.code;
    this.code = known ? shownCode(known) : "";
    if (code) await this.join();
    else this.view = "code";
  }

  watch(): () => void {
    const shown = (): void => {
      const visible = document.visibilityState === "visible";
      this.#log("shown", this.runner?.step?.number ?? 0, performance.now(), { visible });
      if (visible && this.runner) void this.#stayAwake();
    };
    const online = (): void => void this.outbox?.flush();
    document.addEventListener("visibilitychange", shown);
    window.addEventListener("online", online);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      window.removeEventListener("online", online);
    };
  }

  async join(): Promise<void> {
    const code = plainCode(this.code);
    if (code === null) {
      this.error = texts.experiment.code.hint;
      this.view = "code";
      return;
    }
    const kept = keptSeat(code);
    await this.#try(async () => {
      try {
        this.comeIn = await call<ComeIn>("/study/join", { method: "POST", body: { code } });
      } catch (failure) {
        // No fresh token comes; what waits on this device may still arrive with the one that was kept.
        if (kept && failure instanceof ApiError && failure.status !== 0) this.#sit(kept);
        if (failure instanceof ApiError && failure.reason === "ended") return this.#end("ended");
        if (failure instanceof ApiError && failure.status === 404) throw new Error(texts.experiment.code.unknown);
        throw failure;
      }
      const { state, token, name } = this.comeIn;
      if (state === "invited") {
        this.view = "decide";
        return;
      }
      this.#sit({ code, token, name, receipts: kept?.receipts ?? [] });
      await this.#prepare();
    });
    if (this.view === "loading") this.view = "code";
  }

  async decide(recording: boolean): Promise<void> {
    const asked = this.comeIn;
    if (!asked) return;
    await this.#try(async () => {
      const version = (name: string): string | undefined => asked.papers.find((paper) => paper.name === name)?.version;
      const body = {
        ticket: asked.ticket,
        version: version("consent"),
        recording,
        ...(asked.minors ? { guardian_version: version("guardian") } : {}),
      };
      const decision = await call<Decision>("/study/consent", { method: "POST", body });
      this.comeIn = { ...asked, state: "consented", token: decision.token, records: decision.records };
      this.#sit({ code: plainCode(this.code) ?? "", token: decision.token, name: asked.name, receipts: decision.receipts });
      await this.#prepare();
    });
  }

  /** What is shown, loaded before anything starts. */
  async #prepare(): Promise<void> {
    const token = this.seat?.token;
    const { steps } = await call<{ steps: Step[] }>("/study/course", { token });
    this.steps = steps;
    const files = new Set(
      steps.flatMap(({ stimulus }) =>
        stimulus?.address && stimulus.kind !== "web" && !this.#media.has(stimulus.address) ? [stimulus.address] : [],
      ),
    );
    this.loaded = { part: 0, all: files.size };
    for (const address of files) {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(texts.experiment.ready.missing);
      this.#media.set(address, URL.createObjectURL(await answer.blob()));
      this.loaded = { ...this.loaded, part: this.loaded.part + 1 };
    }
    this.view = this.comeIn?.records ? "check" : "ready";
  }

  /** Where a stimulus's file lies on this device. */
  media(address: string): string {
    return this.#media.get(address) ?? address;
  }

  /** Turn the camera on, with what reads its picture where the study wants that. */
  async look(): Promise<void> {
    await this.camera.start();
    if (this.camera.stream && this.comeIn?.recording === "features" && this.seat) await this.camera.load(this.seat.token);
  }

  async start(): Promise<void> {
    const { seat } = this;
    if (!seat) return;
    await this.#try(async () => {
      await this.outbox?.flush();
      let begun: Begun;
      try {
        begun = await call<Begun>("/study/begin", { method: "POST", token: seat.token });
      } catch (failure) {
        if (failure instanceof ApiError && failure.reason === "ended") return this.#end("ended");
        if (isErased(failure)) return this.#wasErased();
        if (failure instanceof ApiError && failure.reason === "missing") throw new Error(texts.experiment.ready.missing);
        throw failure;
      }
      this.#attempt = begun.attempt;
      this.#sequence = 0;
      this.#log("begin", 0, performance.now(), {
        wall_ms: Date.now(),
        width_px: innerWidth,
        height_px: innerHeight,
        frame_ms: await frameTime(),
      });
      this.#log("camera", 0, performance.now(), { state: this.camera.stream ? "on" : "off" });
      this.#clocks = new Clocks(seat.token, (exchange, reply) => {
        this.#log("clock", this.runner?.step?.number ?? 0, exchange.heard_ms, { ...exchange });
        if (reply.attempt > this.#attempt) this.runner?.end("superseded");
        else if (reply.state === "stopping" && this.runner && !this.runner.calm) this.#stopped("researcher");
      });
      this.#clocks.start();
      this.runner = new Runner(this.steps, begun, this.camera, this.comeIn?.recording ?? "none", {
        log: (kind, step, time_ms, details) => this.#log(kind, step, time_ms, details),
        part: async (part) => this.outbox?.addPart(part),
        onEnd: (end) => void this.#ended(end),
      });
      this.view = "run";
      void this.#stayAwake();
      void this.runner.run();
    });
  }

  /** The participant stops, and keeps what was given. */
  stop(): void {
    if (this.view === "run") {
      this.#stopped("participant");
      void call("/study/stop", { method: "POST", token: this.seat?.token }).catch(() => undefined);
      return;
    }
    void this.#ended("stopped");
  }

  /** The participant stops, and everything is erased; what to say where it was not, else "". */
  async erase(): Promise<string> {
    try {
      await call("/study/me", { method: "DELETE", token: this.seat?.token });
    } catch (failure) {
      if (!isErased(failure)) return notErased(failure);
    }
    await this.#forget();
    if (this.view === "run" && this.runner && !this.runner.calm) this.runner.stop();
    else if (this.view !== "run") this.#end("erased");
    return "";
  }

  decline(): void {
    this.view = "declined";
  }

  again(): void {
    this.view = "decide";
  }

  played(state: "playing" | "ended" | "failed" | "stalled" | "blocked", place_s: number): void {
    this.#log("media", this.runner?.step?.number ?? 0, performance.now(), { state, place_s });
  }

  #stopped(by: "participant" | "researcher"): void {
    this.#log("stop", this.runner?.step?.number ?? 0, performance.now(), { by });
    this.runner?.stop();
  }

  async #ended(end: End): Promise<void> {
    this.#clocks?.stop();
    void this.#awake?.release().catch(() => undefined);
    this.#awake = null;
    if (end === "lost" && !this.#erased) {
      this.runner = null;
      this.view = "away";
      return;
    }
    this.runner = null;
    if (end === "superseded") {
      this.camera.stop();
      this.view = "elsewhere";
      return;
    }
    this.camera.stop();
    if (this.#erased || end === "erased") return this.#end("erased");
    if (this.#attempt) this.#log("finish", 0, performance.now(), {});
    this.#end(end === "done" ? "done" : "stopped");
    await this.#finish(end === "done" ? "done" : "stopped");
  }

  /** Send what is left, then say that it was all. */
  async #finish(how: "done" | "stopped"): Promise<void> {
    for (;;) {
      if (!this.outbox || this.outbox.halted || this.#erased) return;
      if (await this.outbox.emptied(FINISH_TRIES_MS)) {
        try {
          await call("/study/finish", { method: "POST", token: this.seat?.token, body: { how } });
          this.finished = true;
          return;
        } catch (failure) {
          if (isErased(failure)) return this.#wasErased();
          if (failure instanceof ApiError && failure.status === 401) this.outbox?.halt(failure);
          if (failure instanceof ApiError && failure.status !== 0 && failure.status < 500) return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, FINISH_TRIES_MS));
    }
  }

  #end(over: Over): void {
    this.over = over;
    this.view = "over";
  }

  #sit(seat: Seat): void {
    this.seat = seat;
    this.#erased = false;
    keepSeat(seat);
    if (!this.#storage || (this.outbox?.who === seat.code && this.outbox.token === seat.token)) return;
    this.outbox?.close();
    this.outbox = new Outbox(
      this.#storage,
      seat.code,
      seat.token,
      () => void this.#wasErased(),
      (online) => this.#log("network", this.runner?.step?.number ?? 0, performance.now(), { online }),
    );
    void this.outbox.flush();
  }

  async #wasErased(): Promise<void> {
    await this.#forget();
    if (this.runner) this.runner.stop();
    else this.#end("erased");
  }

  async #forget(): Promise<void> {
    this.#erased = true;
    const who = this.seat?.code;
    this.outbox?.close();
    this.outbox = null;
    this.seat = null;
    keepSeat(null);
    if (who) await this.#storage?.forget(who);
  }

  #log(kind: string, step: number, time_ms: number, details: Record<string, unknown>): void {
    if (!this.#attempt || this.#erased) return;
    const event = { attempt: this.#attempt, sequence: this.#sequence, step, time_ms, kind, ...details };
    this.#sequence += 1;
    void this.outbox?.add(event);
  }

  async #stayAwake(): Promise<void> {
    try {
      this.#awake = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      this.#awake = null;
    }
  }

  async #try(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = "";
    try {
      await work();
    } catch (failure) {
      this.error = told(failure);
    } finally {
      this.busy = false;
    }
  }
}

/** What to tell of a failure. */
export function said(failure: unknown): string {
  if (failure instanceof ApiError) {
    if (failure.status === 0) return texts.errors.network;
    if (failure.status === 429) return texts.errors.tooMany;
    if (failure.reason === "missing") return texts.experiment.ready.missing;
    if (failure.reason === "text changed") return texts.errors.changedText;
    return texts.errors.unknown(failure.message);
  }
  return texts.errors.unknown(failure instanceof Error ? failure.message : "");
}

/** The same to a participant, who comes in by a code. */
export function told(failure: unknown): string {
  return failure instanceof ApiError && failure.reason === "expired" ? texts.errors.expired : said(failure);
}

/** What to tell of an erasure that failed: the server says what to do about a token that is over. */
function notErased(failure: unknown): string {
  if (!(failure instanceof ApiError) || failure.status === 0) return texts.experiment.stop.failed;
  return texts.errors.unknown(failure.message);
}

/** From one picture to the next on this screen, in milliseconds: the median of a few. */
async function frameTime(): Promise<number> {
  if (document.visibilityState !== "visible") return 0;
  const times: number[] = [];
  for (let k = 0; k < 12; k += 1) {
    times.push(await new Promise<number>((resolve) => requestAnimationFrame(resolve)));
  }
  const steps = times.slice(1).map((time, k) => time - (times[k] ?? time));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}
