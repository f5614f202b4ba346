import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { checkDetectorCard, checkEmotionCard } from "../../src/recognition/cards.ts";
import { checked, fetchFiles, RUNTIME_BYTES } from "../../src/recognition/files.ts";
import { golden } from "./golden.ts";

const source = { baseUrl: "https://here/models/", token: "t", runtimeUrl: "https://here/runtime.wasm" };
const model = new TextEncoder().encode("a model");
const sha256 = "8f5ccd8e0bb5ad1d0e0bdc7b7a5d3be52e6a9f6d4b0e7c2b4e4d9d5d1b0d6f5a";

afterEach(() => void vi.unstubAllGlobals());

async function digest(of: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", of)).toString("hex");
}

async function server(change: Record<string, Response> = {}): Promise<{ asked: Map<string, string | null> }> {
  const common = { sha256: await digest(model), bytes: model.length };
  const answers: Record<string, Response> = {
    "https://here/models/detector.json": Response.json({
      ...common, file: "detector.onnx", constants: golden.constants,
    }),
    "https://here/models/emotion.json": Response.json({ ...golden.emotion, ...common, file: "emotion.onnx" }),
    "https://here/models/detector.onnx": new Response(model),
    "https://here/models/emotion.onnx": new Response(model),
    "https://here/runtime.wasm": new Response(new Uint8Array(10)),
    ...change,
  };
  const asked = new Map<string, string | null>();
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    asked.set(url, new Headers(init?.headers).get("authorization"));
    return Promise.resolve(answers[url] ?? new Response("", { status: 404 }));
  });
  return { asked };
}

test("the token goes to the models and nowhere else, and progress ends at what came", async () => {
  const { asked } = await server();
  const seen: number[] = [];
  const files = await fetchFiles(source, (loaded, total) => {
    seen.push(loaded);
    expect(total).toBe(RUNTIME_BYTES + 2 * model.length);
  });
  expect(seen.at(-1)).toBe(10 + 2 * model.length);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(files.emotion.model).toEqual(model);
  expect([...asked].filter(([, token]) => token === "Bearer t").length).toBe(4);
  expect(asked.get("https://here/runtime.wasm")).toBeNull();
});

test("what the server says when it refuses is passed on", async () => {
  const body = { error: { reason: "denied", message: "this deployment allows no camera" } };
  await server({ "https://here/models/detector.json": Response.json(body, { status: 403 }) });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/status 403 \(this deployment allows no camera\)/);
});

test("a model that is not its card's is refused", async () => {
  await server({ "https://here/models/emotion.onnx": new Response("another") });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/emotion.onnx: expected SHA-256/);
  await expect(checked({ file: "x.onnx", sha256 }, model)).rejects.toThrow(/x.onnx: expected SHA-256/);
});

test("a card that lacks something is refused by its name", () => {
  expect(() => checkDetectorCard({ file: "d", sha256: "", bytes: 1 })).toThrow(/constants/);
  expect(() => checkDetectorCard({ file: "d", sha256: "", bytes: 1, constants: { boxes: {} } })).toThrow(/scales/);
  expect(() => checkEmotionCard({ ...golden.emotion, file: "e", sha256: "", bytes: 1, vad: [] })).toThrow(/8 classes/);
  expect(() => checkEmotionCard(null)).toThrow(/expected an object/);
});

test("the runtime's size is that of the file", () => {
  const file = fileURLToPath(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  expect(statSync(file).size).toBe(RUNTIME_BYTES);
});
