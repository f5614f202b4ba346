// The two networks in ONNX Runtime: WebAssembly with SIMD, one thread. More threads would need cross-origin isolation,
// and a lesson's other tabs want the cores.

import * as ort from "onnxruntime-web/wasm";
import { decode } from "./centerface.ts";
import type { Constants, EmotionCard } from "./cards.ts";
import { normalise } from "./crops.ts";
import type { FaceNetwork } from "./detector.ts";
import { type Readout, readOut } from "./readout.ts";

export interface EmotionNetwork {
  /** What a crop shows. */
  (crop: Uint8Array): Promise<Readout>;
}

/** To be called once, before a network is opened. */
export function useRuntime(runtime: ArrayBuffer): void {
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
}

export async function openDetector(model: Uint8Array, constants: Constants): Promise<FaceNetwork> {
  const session = await open(model);
  return async ({ planes, width, height }, threshold) => {
    const found = await session.run({ image: new ort.Tensor("float32", planes, [1, 3, height, width]) });
    const stride = constants.centerface.stride_px;
    const maps = {
      heatmap: floats(found["heatmap"]),
      size: floats(found["size"]),
      offset: floats(found["offset"]),
      landmarks: floats(found["landmarks"]),
      rows: height / stride,
      columns: width / stride,
    };
    return decode(maps, threshold, constants);
  };
}

export async function openEmotion(model: Uint8Array, card: EmotionCard): Promise<EmotionNetwork> {
  const session = await open(model);
  const input = session.inputNames[0] ?? "crops";
  const own = card.labels === "classroom";
  const output = own ? "logits" : (session.outputNames[0] ?? "logits");
  const side = card.crops.side_px;
  return async (crop) => {
    const tensor = new ort.Tensor("float32", normalise(crop, card.crops), [1, 1, side, side]);
    const given = await session.run({ [input]: tensor });
    const logits = floats(given[output]);
    if (logits.length !== card.classes.length) {
      throw new Error(`${card.file}: its card names ${card.classes.length} classes, it gives ${logits.length}`);
    }
    return readOut(logits, card, own ? floats(given["dimensions"]) : null);
  };
}

function open(model: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
}

function floats(tensor: ort.Tensor | undefined): Float32Array {
  if (tensor?.type !== "float32") throw new Error(`expected a network's output in float32, got ${tensor?.type}`);
  return tensor.data as Float32Array;
}
