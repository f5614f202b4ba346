// The camera of a session: its picture, or why there is none.

import type { Recogniser, Recognition } from "../recognition/index.ts";
import { roundedShares } from "../student/wire.ts";
import { cameraFailure, type CameraFailure } from "../student/camera.svelte.ts";

const READ_MS = 1000;

/** As the server takes it (happenings.Reading). */
export interface Reading {
  p: number[];
  vad: number[];
  confidence: number;
  not_sure: boolean;
}

function reading({ p, vad, confidence, notSure }: Recognition): Reading {
  const within = (value: number, low: number): number => Math.round(100 * Math.min(1, Math.max(low, value))) / 100;
  return {
    p: roundedShares(p),
    vad: vad.map((value) => within(value, -1)),
    confidence: within(confidence, 0),
    not_sure: notSure,
  };
}

export type CameraEvent = "on" | "off" | "lost" | "failed";

export class StudyCamera {
  stream = $state.raw<MediaStream | null>(null);
  asking = $state(false);
  failure = $state<CameraFailure | null>(null);
  lost = $state(false);

  /** Bytes of the recogniser that have come, where one is wanted. */
  progress = $state.raw<{ loaded: number; total: number } | null>(null);
  reads = $state(false);
  #recogniser: Recogniser | null = null;

  constructor(private readonly onChange: (state: CameraEvent) => void) {}

  /** Load what reads the picture on this device. */
  async load(token: string): Promise<void> {
    if (this.#recogniser) return;
    try {
      const { createRecogniser } = await import("../recognition/index.ts");
      this.#recogniser = await createRecogniser({
        baseUrl: "/api/v1/models",
        token,
        onProgress: (loaded, total) => (this.progress = { loaded, total }),
      });
      this.reads = true;
    } catch (error) {
      console.error(error);
      this.stop();
      this.failure = "models";
      this.onChange("failed");
    } finally {
      this.progress = null;
    }
  }

  /** Read the picture once a second until stopped; no picture is kept. */
  read(onReading: (time_ms: number, reading: Reading) => void): { stop(): Promise<void> } {
    const recogniser = this.#recogniser;
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    video.srcObject = this.stream;
    let stopped = false;
    const going = (async (): Promise<void> => {
      await video.play();
      recogniser?.forget();
      while (!stopped && recogniser && video.srcObject) {
        const time_ms = performance.now();
        const found = await recogniser.recognise(video);
        if (found?.face) onReading(time_ms, reading(found));
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, READ_MS - (performance.now() - time_ms))));
      }
    })().catch((error: unknown) => console.error(error));
    return {
      stop: () => {
        stopped = true;
        return going;
      },
    };
  }

  async start(): Promise<void> {
    this.stop();
    this.asking = true;
    this.failure = null;
    this.lost = false;
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureError");
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25 }, facingMode: "user" },
        audio: false,
      });
      this.stream = stream;
      for (const track of stream.getVideoTracks()) {
        track.addEventListener("ended", () => {
          if (this.stream !== stream) return;
          this.stream = null;
          this.lost = true;
          this.onChange("lost");
        });
      }
    } catch (error) {
      this.failure = cameraFailure(error);
      this.onChange("failed");
    } finally {
      this.asking = false;
    }
  }

  /** Give it back; its light goes out. */
  stop(): void {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }
}
