// The camera of a session: its picture, or why there is none.

import { cameraFailure, type CameraFailure } from "../student/camera.svelte.ts";

export type CameraEvent = "on" | "off" | "lost" | "failed";

export class StudyCamera {
  stream = $state.raw<MediaStream | null>(null);
  asking = $state(false);
  failure = $state<CameraFailure | null>(null);
  lost = $state(false);

  constructor(private readonly onChange: (state: CameraEvent) => void) {}

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
