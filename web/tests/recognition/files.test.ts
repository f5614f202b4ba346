import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { checkDetectorCard, checkEmotionCard } from "../../src/recognition/cards.ts";
import { fetchFiles, RUNTIME } from "../../src/recognition/files.ts";
import { golden } from "./golden.ts";

const model = new TextEncoder().encode("a model");
const runtime = new TextEncoder().encode("a runtime");
const source = {
  baseUrl: "https://here/models/",
  token: "t",
  runtimeUrl: "https://here/runtime-DcHrbrbl.wasm",
  runtime: { sha256: await digest(runtime), bytes: runtime.length },
};
const allBytes = runtime.length + 2 * model.length;

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
    [source.runtimeUrl]: new Response(runtime),
    ...change,
  };
  const asked = new Map<string, string | null>();
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    asked.set(url, new Headers(init?.headers).get("authorization"));
    return Promise.resolve(answers[url]?.clone() ?? new Response("", { status: 404 }));
  });
  return { asked };
}

test("the token goes to the models and nowhere else, and progress ends at what came", async () => {
  const { asked } = await server();
  const seen: number[] = [];
  const files = await fetchFiles(source, (loaded, total) => {
    seen.push(loaded);
    expect(total).toBe(allBytes);
  });
  expect(seen.at(-1)).toBe(allBytes);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(files.emotion.model).toEqual(model);
  expect([...asked].filter(([, token]) => token === "Bearer t").length).toBe(4);
  expect(asked.get(source.runtimeUrl)).toBeNull();
});

test("a runtime that is another is refused", async () => {
  await server({ [source.runtimeUrl]: new Response("another") });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/wasm: expected the file of SHA-256/);
});

test("what the server says when it refuses is passed on", async () => {
  const body = { error: { reason: "denied", message: "this deployment allows no camera" } };
  await server({ "https://here/models/detector.json": Response.json(body, { status: 403 }) });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/status 403 \(this deployment allows no camera\)/);
});

test("a model that is not its card's is refused", async () => {
  await server({ "https://here/models/emotion.onnx": new Response("another") });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/emotion.onnx: expected the file of SHA-256/);
});

/** What a browser keeps, by address. */
function shelf(): Map<string, Response> {
  const kept = new Map<string, Response>();
  const cache = {
    match: (address: string) => Promise.resolve(kept.get(address)?.clone()),
    keys: () => Promise.resolve([...kept.keys()].map((url) => ({ url }))),
    delete: ({ url }: { url: string }) => Promise.resolve(kept.delete(url)),
    put: (address: string, answer: Response) => Promise.resolve(void kept.set(address, answer)),
  };
  vi.stubGlobal("caches", { open: () => Promise.resolve(cache), delete: () => Promise.resolve(kept.clear()) });
  return kept;
}

test("models and runtime are fetched once, and older ones make way", async () => {
  const kept = shelf();
  kept.set("https://here/models/emotion.onnx?sha256=old", new Response("old"));
  kept.set("https://here/runtime-B_-zero0.wasm?sha256=old", new Response("old"));
  await server();
  await fetchFiles(source, () => undefined);
  expect(kept.size).toBe(3);
  const { asked } = await server();
  const seen: number[] = [];
  const files = await fetchFiles(source, (loaded) => seen.push(loaded));
  expect([...asked.keys()].filter((url) => /\.(onnx|wasm)$/.test(url))).toEqual([]);
  expect(files.detector.model).toEqual(model);
  expect(Math.max(...seen)).toBe(allBytes);
});

test("what was kept and is damaged is fetched anew", async () => {
  const kept = shelf();
  await server();
  await fetchFiles(source, () => undefined);
  for (const address of kept.keys()) kept.set(address, new Response("damaged"));
  const files = await fetchFiles(source, () => undefined);
  expect(files.emotion.model).toEqual(model);
  expect(new Uint8Array(files.runtime)).toEqual(runtime);
});

test("what the deployment has come to deny is thrown away", async () => {
  const kept = shelf();
  await server();
  await fetchFiles(source, () => undefined);
  await server({ "https://here/models/emotion.json": Response.json({}, { status: 403 }) });
  await expect(fetchFiles(source, () => undefined)).rejects.toThrow(/403/);
  expect(kept.size).toBe(0);
});

test("a card that lacks something is refused by its name", () => {
  expect(() => checkDetectorCard({ file: "d", sha256: "", bytes: 1 })).toThrow(/constants/);
  expect(() => checkDetectorCard({ file: "d", sha256: "", bytes: 1, constants: { boxes: {} } })).toThrow(/scales/);
  expect(() => checkEmotionCard({ ...golden.emotion, file: "e", sha256: "", bytes: 1, vad: [] })).toThrow(/with coordinates each/);
  expect(() => checkEmotionCard(null)).toThrow(/expected an object/);
});

test("the runtime is that of the package", async () => {
  const file = fileURLToPath(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const found = readFileSync(file);
  expect({ sha256: await digest(new Uint8Array(found)), bytes: found.length }).toEqual(RUNTIME);
});
