// What tests/browser and benchmarks/browser.py call in Chromium: the recogniser as the student's page has it, and the
// emotion network alone.

import runtimeUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Row } from "../../src/recognition/boxes.ts";
import { checkEmotionCard, type DetectorCard } from "../../src/recognition/cards.ts";
import { landmarks, makeCrop } from "../../src/recognition/crops.ts";
import { Detector } from "../../src/recognition/detector.ts";
import { fetchFiles } from "../../src/recognition/files.ts";
import { Follower } from "../../src/recognition/follower.ts";
import { createRecogniser, type Recogniser, type Recognition } from "../../src/recognition/index.ts";
import { openDetector, openEmotion, useRuntime } from "../../src/recognition/networks.ts";
import { grey, type Pixels } from "../../src/recognition/pixels.ts";
import type { Readout } from "../../src/recognition/readout.ts";

const SIDE = 48;
let recogniser: Recogniser | null = null;
let progress: [number, number] = [0, 0];

const parity = {
  /** What crops one after the other in a file of bytes show, by a model and the card beside it. */
  async fromCrops(url: string, cropsUrl: string): Promise<Readout[]> {
    const card = checkEmotionCard(await (await fetch(`${url}.json`)).json());
    useRuntime(await (await fetch(runtimeUrl)).arrayBuffer());
    const emotion = await openEmotion(new Uint8Array(await (await fetch(`${url}.onnx`)).arrayBuffer()), card);
    const crops = new Uint8Array(await (await fetch(cropsUrl)).arrayBuffer());
    const found: Readout[] = [];
    for (let i = 0; i < crops.length; i += SIDE * SIDE) found.push(await emotion(crops.slice(i, i + SIDE * SIDE)));
    return found;
  },

  async open(baseUrl: string): Promise<[number, number]> {
    recogniser = await createRecogniser({ baseUrl, onProgress: (loaded, total) => (progress = [loaded, total]) });
    return progress;
  },

  /** All that a recogniser fetches, without opening it. */
  async fetchAll(baseUrl: string): Promise<void> {
    await fetchFiles({ baseUrl, runtimeUrl }, () => undefined);
  },

  /** What each frame shows; each on its own, or one after the other as a camera's. */
  async fromFrames(urls: string[], following: boolean): Promise<(Recognition | null)[]> {
    if (!recogniser) throw new Error("expected open() first");
    const found: (Recognition | null)[] = [];
    recogniser.forget();
    for (const url of urls) {
      if (!following) recogniser.forget();
      found.push(await recogniser.recognise(await pixelsOf(url)));
    }
    return found;
  },

  /** As a camera's frames come: drawn to a canvas, handed over as bitmaps. Milliseconds from call to answer. */
  async pace(urls: string[], rounds: number): Promise<{ ms: number; inWorkerMs: number; face: boolean }[]> {
    if (!recogniser) throw new Error("expected open() first");
    const frames = await Promise.all(urls.map(pixelsOf));
    const found: { ms: number; inWorkerMs: number; face: boolean }[] = [];
    recogniser.forget();
    for (let i = 0; i < rounds; i++) {
      const bitmap = await createImageBitmap(frames[i % frames.length] as ImageData);
      const began = performance.now();
      const shown = await recogniser.recognise(bitmap);
      found.push({ ms: performance.now() - began, inWorkerMs: shown?.ms ?? 0, face: shown !== null });
    }
    return found;
  },

  /** The same by part, on the page's own thread: ms for each look of the detector and its pixels, the crop, the emotion. */
  async parts(baseUrl: string, urls: string[], rounds: number): Promise<Record<string, number[]>> {
    const files = await fetchFiles({ baseUrl, runtimeUrl }, () => undefined);
    useRuntime(files.runtime);
    const took: Record<string, number[]> = { network: [], pixels: [], crop: [], emotion: [], whole: [], canvas_px: [] };
    const { constants } = files.detector.card satisfies DetectorCard;
    const network = await openDetector(files.detector.model, constants);
    const emotion = await openEmotion(files.emotion.model, files.emotion.card);
    let inNetwork = 0;
    let area = 0;
    const timed = async (canvas: Parameters<typeof network>[0], threshold: number): Promise<Row[]> => {
      const began = performance.now();
      const rows = await network(canvas, threshold);
      inNetwork += performance.now() - began;
      area += canvas.width * canvas.height;
      return rows;
    };
    const follower = new Follower(new Detector(timed, constants));
    const frames: Pixels[] = await Promise.all(urls.map(pixelsOf));
    for (let i = 0; i < rounds; i++) {
      const frame = frames[i % frames.length] as Pixels;
      inNetwork = area = 0;
      const began = performance.now();
      const [row] = await follower.detect(frame);
      const detected = performance.now();
      if (!row) continue;
      const crop = makeCrop(grey(frame), landmarks(row), files.emotion.card.crops);
      const cropped = performance.now();
      await emotion(crop);
      const ended = performance.now();
      took["network"]?.push(inNetwork);
      took["pixels"]?.push(detected - began - inNetwork);
      took["crop"]?.push(cropped - detected);
      took["emotion"]?.push(ended - cropped);
      took["whole"]?.push(ended - began);
      took["canvas_px"]?.push(area);
    }
    return took;
  },
};

async function pixelsOf(url: string): Promise<ImageData> {
  const blob = await (await fetch(url)).blob();
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("expected a canvas");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

declare global {
  var parity: unknown;
}
globalThis.parity = parity;
