// The worker: opens the networks, and takes one frame after the other. A frame is drawn, read, and forgotten.

import runtimeUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { CropConstants } from "./cards.ts";
import { Detector } from "./detector.ts";
import { fetchFiles } from "./files.ts";
import { Follower } from "./follower.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { type EmotionNetwork, openDetector, openEmotion, useRuntime } from "./networks.ts";
import type { Pixels } from "./pixels.ts";
import { type Recognition, recognise } from "./recognition.ts";

declare const self: DedicatedWorkerGlobalScope;

/** More pixels than these cost time and show no more of a face before a camera. */
const LARGEST = { width: 1280, height: 720 };

interface Opened {
  follower: Follower;
  emotion: EmotionNetwork;
  crops: CropConstants;
}

let opened: Opened | null = null;
let canvas: OffscreenCanvas | null = null;
// Frames are taken in the order in which they come: the follower remembers the one before.
let turn: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  turn = turn.then(() => answer(data));
};

async function answer(message: ToWorker): Promise<void> {
  try {
    if (message.kind === "open") {
      opened = await open(message.baseUrl, message.token);
      say({ kind: "ready" });
    } else if (message.kind === "forget") {
      opened?.follower.forget({ width: 0, height: 0 });
    } else {
      say({ kind: "found", id: message.id, found: await look(message.frame) });
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say({ kind: "failed", id: message.kind === "look" ? message.id : null, message: reason });
  }
}

async function open(baseUrl: string, token: string | undefined): Promise<Opened> {
  const files = await fetchFiles({ baseUrl, token, runtimeUrl }, (loaded, total) =>
    say({ kind: "progress", loaded, total }),
  );
  useRuntime(files.runtime);
  const { constants } = files.detector.card;
  const network = await openDetector(files.detector.model, constants);
  const emotion = await openEmotion(files.emotion.model, files.emotion.card);
  return { follower: new Follower(new Detector(network, constants)), emotion, crops: files.emotion.card.crops };
}

async function look(frame: ImageData | ImageBitmap): Promise<Recognition | null> {
  if (!opened) throw new Error("expected the models to be open before a frame comes");
  const began = performance.now();
  const pixels = frame instanceof ImageBitmap ? drawn(frame) : frame;
  const found = await recognise(pixels, opened.follower, opened.emotion, opened.crops);
  return found && { ...found, ms: performance.now() - began };
}

function drawn(bitmap: ImageBitmap): Pixels {
  const scale = Math.min(1, LARGEST.width / bitmap.width, LARGEST.height / bitmap.height);
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (!context) throw new Error("expected a canvas to read the camera's frame from, got none from this browser");
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

function say(message: FromWorker): void {
  self.postMessage(message);
}
