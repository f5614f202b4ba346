// What the page and its worker say to one another. Frames go in, numbers come out.

import type { Recognition } from "./recognition.ts";

export type ToWorker =
  | { kind: "open"; baseUrl: string; token: string | undefined }
  | { kind: "look"; id: number; frame: ImageData | ImageBitmap }
  | { kind: "forget" };

export type FromWorker =
  | { kind: "progress"; loaded: number; total: number }
  | { kind: "ready" }
  | { kind: "found"; id: number; found: Recognition | null }
  | { kind: "failed"; id: number | null; message: string };
