// The camera's video in parts of a few seconds: each is hashed and kept on this device as soon as it is there.

import type { Part } from "./shapes.ts";

export const PART_MS = 3000;
const BITS_PER_SECOND = 1_000_000;
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

export interface RecorderEvents {
  onPart: (part: Part) => Promise<void>;
  onBegan: (time_ms: number) => void;
  onEnded: (parts: number) => void;
  onFailed: () => void;
}

export class StepRecorder {
  #recorder: MediaRecorder | null = null;
  #done: Promise<void> = Promise.resolve();

  constructor(
    private readonly stream: MediaStream,
    private readonly attempt: number,
    private readonly step: number,
    private readonly events: RecorderEvents,
  ) {}

  start(): void {
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    let recorder: MediaRecorder;
    try {
      recorder = new MediaRecorder(this.stream, {
        videoBitsPerSecond: BITS_PER_SECOND,
        ...(mimeType ? { mimeType } : {}),
      });
    } catch {
      this.events.onFailed();
      return;
    }
    this.#recorder = recorder;
    let parts = 0;
    let chain: Promise<void> = Promise.resolve();
    recorder.onstart = () => this.events.onBegan(performance.now());
    recorder.onerror = () => this.events.onFailed();
    recorder.ondataavailable = ({ data }) => {
      if (!data.size) return;
      const part = parts;
      parts += 1;
      // In order, and none before the one before it is kept.
      chain = chain.then(async () => {
        const content = await data.arrayBuffer();
        const sha256 = hex(await crypto.subtle.digest("SHA-256", content));
        await this.events.onPart({ attempt: this.attempt, step: this.step, part, sha256, content });
      });
    };
    this.#done = new Promise((resolve) => {
      recorder.onstop = () =>
        void chain.then(
          () => {
            this.events.onEnded(parts);
            resolve();
          },
          () => {
            this.events.onFailed();
            resolve();
          },
        );
    });
    recorder.start(PART_MS);
  }

  /** End it; resolves when the last part is kept. */
  stop(): Promise<void> {
    if (this.#recorder && this.#recorder.state !== "inactive") this.#recorder.stop();
    return this.#done;
  }
}

function hex(digest: ArrayBuffer): string {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
