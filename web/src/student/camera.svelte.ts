// The camera and the recogniser of this page. No frame leaves: what comes out are the numbers of `Recognised`.

import type { Recognised } from "./wire.ts";

export type CameraState = "off" | "asking" | "loading" | "on" | "failed";
export type CameraFailure = "denied" | "missing" | "busy" | "insecure" | "models" | "other";

export interface Recogniser {
  recognise(frame: ImageData | ImageBitmap | HTMLVideoElement): Promise<Recognised | null>;
  /** What comes next has nothing to do with what was. */
  forget(): void;
  close(): void;
}

interface RecogniserOptions {
  baseUrl: string;
  token?: string;
  onProgress?: (loadedBytes: number, totalBytes: number) => void;
}

export type CreateRecogniser = (options: RecogniserOptions) => Promise<Recogniser>;

const MODELS = "/api/v1/models";
/** Between two looks: often while the picture is adjusted, once a second in class. */
export const LOOK_MS = { check: 250, class: 1000 } as const;

// Only a student who turns a camera on ever downloads this.
async function loadRecognition(): Promise<CreateRecogniser> {
  const found = Object.values(
    import.meta.glob<{ createRecogniser: CreateRecogniser }>("../recognition/index.ts"),
  )[0];
  if (!found) throw new Error("these pages were built without src/recognition");
  return (await found()).createRecogniser;
}

export class Camera {
  state = $state<CameraState>("off");
  failure = $state<CameraFailure | null>(null);
  progress = $state.raw<{ loaded: number; total: number } | null>(null);
  stream = $state.raw<MediaStream | null>(null);
  found = $state.raw<Recognised | null>(null);
  looked = $state(false);
  pace: keyof typeof LOOK_MS = "check";

  #recogniser: Recogniser | null = null;
  #video: HTMLVideoElement | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // A start that was overtaken by a stop gives back what it gets.
  #turn = 0;

  constructor(
    private readonly onReading: (found: Recognised) => void,
    private readonly onTaken: () => void,
  ) {}

  /** It is on, or was asked for and is on its way. */
  get wanted(): boolean {
    return this.state === "asking" || this.state === "loading" || this.state === "on";
  }

  async start(token: string): Promise<void> {
    this.stop();
    const turn = this.#turn;
    this.failure = null;
    this.state = "asking";
    let stream: MediaStream;
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureError");
      stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" },
        audio: false,
      });
    } catch (error) {
      if (turn === this.#turn) this.#fail(cameraFailure(error));
      return;
    }
    if (turn !== this.#turn) return release(stream);
    this.stream = stream;
    stream.getVideoTracks().forEach((track) =>
      track.addEventListener("ended", () => {
        if (this.stream !== stream) return;
        this.stop();
        this.onTaken();
      }),
    );
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    video.srcObject = stream;
    this.#video = video;
    this.state = "loading";
    try {
      await video.play();
      this.#recogniser ??= await (await loadRecognition())({
        baseUrl: MODELS,
        token,
        onProgress: (loaded, total) => (this.progress = { loaded, total }),
      });
    } catch (error) {
      // A start that was overtaken fails too, and nobody needs to hear of it.
      if (turn !== this.#turn) return;
      console.error(error);
      this.stop();
      this.#fail("models");
      return;
    }
    if (turn !== this.#turn) return;
    this.#recogniser.forget();
    this.state = "on";
    void this.#look(turn);
  }

  /** Give the camera back; its light goes out. The recogniser stays loaded. */
  stop(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    if (this.stream) release(this.stream);
    if (this.#video) this.#video.srcObject = null;
    this.stream = this.#video = this.found = null;
    this.looked = false;
    this.state = "off";
  }

  /** Stop, and let go of the models. */
  close(): void {
    this.stop();
    this.#recogniser?.close();
    this.#recogniser = null;
  }

  async #look(turn: number): Promise<void> {
    const began = performance.now();
    const video = this.#video;
    if (!video || !this.#recogniser) return;
    let found: Recognised | null = null;
    try {
      found = await this.#recogniser.recognise(video);
    } catch (error) {
      if (turn !== this.#turn) return;
      console.error(error);
      this.close();
      this.#fail("models");
      return;
    }
    if (turn !== this.#turn) return;
    this.found = found;
    this.looked = true;
    if (found?.face) this.onReading(found);
    this.#timer = setTimeout(() => void this.#look(turn), Math.max(0, LOOK_MS[this.pace] - (performance.now() - began)));
  }

  #fail(failure: CameraFailure): void {
    this.state = "failed";
    this.failure = failure;
  }
}

export function cameraFailure(error: unknown): CameraFailure {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return name === "InsecureError" ? "insecure" : "other";
}

function release(stream: MediaStream): void {
  stream.getTracks().forEach((track) => track.stop());
}
