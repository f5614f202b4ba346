// One student's way through the page: code, consent, camera check, class, goodbye.

import {
  ApiError,
  call,
  socketAddress,
  type Deployment,
  type Joined,
  type LegalText,
  type Mode,
  type Receipt,
} from "../api.ts";
import { LiveSocket, type End, type LiveStatus } from "../live.ts";
import { texts } from "../texts/index.ts";
import { Camera } from "./camera.svelte.ts";
import { codeInAddress, forgetSeat, keepSeat, keptSeat, plainCode, shownCode, type Kept } from "./keep.ts";
import { Presses } from "./presses.svelte.ts";
import { Outbox } from "./wire.ts";

export type Step = "loading" | "code" | "back" | "consent" | "declined" | "check" | "room" | "over";
export type Farewell = End | "erased" | "withdrawn";
export interface Gap {
  kind: "tab" | "sleep";
  seconds: number;
}

const TICK_MS = 1000;
/** A page that did not run for so long, though it was in view, was asleep. */
const ASLEEP_S = 20;

const seconds = (): number => Date.now() / 1000;

export class Student {
  step = $state<Step>("loading");
  code = $state("");
  busy = $state(false);
  error = $state("");
  deployment = $state.raw<Deployment | null>(null);
  joined = $state.raw<Joined | null>(null);
  document = $state.raw<LegalText | null>(null);
  seat = $state.raw<Kept | null>(null);
  live = $state.raw<LiveStatus>({ kind: "connecting" });
  counted = $state(false);
  paused = $state(false);
  cameraTaken = $state(false);
  cameraDenied = $state(false);
  refused = $state("");
  gap = $state.raw<Gap | null>(null);
  farewell = $state<Farewell>("left");

  readonly camera = new Camera(
    (found) => {
      if (this.step === "room" && !this.paused) this.#outbox.reading(found);
    },
    () => {
      this.cameraTaken = true;
      this.#outbox.pause();
    },
  );
  readonly presses = new Presses((pressed) => {
    this.#outbox.press(pressed);
    this.paused = false;
  });
  readonly #outbox = new Outbox((text) => this.#socket?.send(text) ?? false);
  #socket: LiveSocket | null = null;
  #hidden_s: number | null = null;
  #ticked_s = seconds();
  #cameraWasOn = false;
  #comesBack = false;

  get usesCamera(): boolean {
    return this.seat?.mode === "camera" && !this.cameraDenied;
  }

  /** Look at the address and at what this device remembers. */
  async begin(): Promise<void> {
    const code = codeInAddress(location.pathname);
    this.code = code ? shownCode(code) : "";
    const kept = keptSeat();
    if (kept && (!code || code === kept.code)) {
      this.seat = kept;
      this.code = shownCode(kept.code);
      this.step = "back";
      return;
    }
    this.step = "code";
    if (code) await this.join();
  }

  async join(): Promise<void> {
    const code = plainCode(this.code);
    if (!code) {
      this.error = texts.student.code.incomplete;
      return;
    }
    await this.#ask(async () => {
      const [deployment, joined] = await Promise.all([
        call<Deployment>("/deployment"),
        call<Joined>("/join", { method: "POST", body: { code } }),
      ]);
      this.deployment = deployment;
      this.joined = joined;
      this.document = await call<LegalText>(`/documents/${joined.minors ? "guardian" : "consent"}`);
      this.seat = null;
      history.replaceState(null, "", `/join/${shownCode(code)}`);
      this.step = "consent";
    });
  }

  async consent(mode: Mode): Promise<void> {
    const { joined, document } = this;
    const code = plainCode(this.code);
    if (!joined || !document || !code) return;
    await this.#ask(async () => {
      const body = {
        ticket: joined.ticket,
        document: document.name,
        version: document.version,
        mode,
        guardian: document.name === "guardian",
      };
      const given = await call<{ token: string; receipt: Receipt }>("/consent", { method: "POST", body });
      this.seat = { code, token: given.token, mode, receipt: given.receipt };
      keepSeat(this.seat);
      if (mode === "camera") this.step = "check";
      else this.enter();
    });
    if (this.error === texts.errors.changedText) {
      this.document = await call<LegalText>(`/documents/${document.name}`).catch(() => document);
    }
  }

  decline(): void {
    this.joined = null;
    this.step = "declined";
  }

  /** Go on with the seat that this device remembers. */
  goOn(): void {
    if (this.seat?.mode === "camera") this.step = "check";
    else this.enter();
  }

  forget(): void {
    forgetSeat();
    this.seat = null;
    this.error = "";
    this.step = "code";
  }

  /** Into the class; `withCamera` where the camera check was passed. */
  enter(): void {
    const { seat } = this;
    if (!seat) return;
    this.camera.pace = "class";
    this.cameraTaken = this.cameraDenied = this.paused = this.counted = false;
    this.gap = null;
    this.refused = "";
    this.#comesBack = false;
    this.step = "room";
    this.#socket?.stop();
    this.#socket = new LiveSocket({
      make: () => new WebSocket(socketAddress("/live/student"), ["classmood.v1", `bearer.${seat.token}`]),
      onMessage: (message) => this.#take(message),
      onStatus: (status) => this.#follow(status),
    });
    this.#socket.connect();
  }

  pause(): void {
    this.#cameraWasOn = this.camera.wanted;
    this.camera.stop();
    this.presses.clear();
    this.#outbox.pause();
    this.paused = true;
  }

  async resume(): Promise<void> {
    this.paused = false;
    this.gap = null;
    this.#outbox.press({ mood: null, confused: false, pace: null });
    const wanted = this.usesCamera && this.#cameraWasOn;
    this.#cameraWasOn = false;
    if (wanted) await this.startCamera();
  }

  async startCamera(): Promise<void> {
    this.cameraTaken = false;
    this.paused = false;
    if (this.seat) await this.camera.start(this.seat.token);
  }

  leave(): void {
    this.#outbox.leave();
    this.#end("left");
  }

  retry(): void {
    this.#socket?.connect();
  }

  async erase(): Promise<void> {
    await this.#ask(async () => {
      await call("/me", { method: "DELETE", token: this.seat?.token });
      forgetSeat();
      this.#end("erased");
      this.seat = null;
    });
  }

  async withdraw(): Promise<void> {
    await this.#ask(async () => {
      await call("/me/withdraw", { method: "POST", token: this.seat?.token });
      this.#end("withdrawn");
    });
  }

  /** Watch time and visibility for as long as the page lives. */
  watch(): () => void {
    const timer = setInterval(() => this.#tick(), TICK_MS);
    const seen = (): void => this.#see(document.visibilityState === "visible");
    const online = (): void => {
      if (this.live.kind === "waiting") this.retry();
    };
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", online);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", online);
      this.#socket?.stop();
      this.camera.close();
    };
  }

  #tick(): void {
    const now = seconds();
    const gap = now - this.#ticked_s;
    this.#ticked_s = now;
    this.presses.tick(now);
    if (gap > ASLEEP_S && this.step === "room" && this.#hidden_s === null) {
      this.gap = { kind: "sleep", seconds: gap };
      this.#socket?.connect();
    }
  }

  #see(visible: boolean): void {
    const now = seconds();
    if (!visible) {
      this.#hidden_s = now;
      if (this.step !== "room" || !this.camera.wanted) return;
      this.#cameraWasOn = true;
      this.camera.stop();
      this.#outbox.pause();
      return;
    }
    const hidden = this.#hidden_s === null ? 0 : now - this.#hidden_s;
    this.#hidden_s = null;
    this.#ticked_s = now;
    if (this.step !== "room" || this.paused || !this.#cameraWasOn || !this.usesCamera) return;
    this.#cameraWasOn = false;
    this.gap = { kind: "tab", seconds: hidden };
    void this.startCamera();
  }

  #take(message: Record<string, unknown>): void {
    if (message["type"] === "refused") this.refused = texts.student.room.refused[String(message["reason"])] ?? "";
    if (message["type"] !== "state") return;
    this.counted = message["counted"] === true;
    if (message["camera_allowed"] === false && this.seat?.mode === "camera" && !this.cameraDenied) {
      this.cameraDenied = true;
      this.camera.close();
    }
  }

  #follow(status: LiveStatus): void {
    this.live = status;
    if (status.kind === "ended") this.#end(status.why);
    if (status.kind !== "open") return;
    // A server that was away knows nothing of what stood.
    if (this.#comesBack && !this.paused) this.presses.again(seconds());
    if (this.paused) this.#outbox.pause();
    this.#comesBack = true;
    this.#outbox.again();
  }

  #end(why: Farewell): void {
    this.#socket?.stop();
    this.camera.close();
    this.presses.clear();
    this.farewell = why;
    this.error = "";
    this.step = "over";
  }

  async #ask(what: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = "";
    try {
      await what();
    } catch (error) {
      this.error = said(error);
    } finally {
      this.busy = false;
    }
  }
}

/** An error in a sentence for a student. */
export function said(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  if (error.reason === "network") return texts.errors.network;
  if (error.status === 404) return texts.errors.noCode;
  if (error.status === 429) return texts.errors.tooMany;
  if (error.status === 409) return texts.errors.changedText;
  if (error.status === 401) return texts.errors.expired;
  return texts.errors.unknown(error.message);
}
