// The models, cards and ONNX Runtime over the network. The browser's own cache keeps them: the server lets it, and is
// asked each time whether it still may.

import { checkDetectorCard, checkEmotionCard, type DetectorCard, type EmotionCard } from "./cards.ts";

/** Of onnxruntime-web 1.30.0, unpacked: what a progress bar counts. A test compares it with the file. */
export const RUNTIME_BYTES = 14_239_897;

export interface Files {
  runtime: ArrayBuffer;
  detector: { card: DetectorCard; model: Uint8Array };
  emotion: { card: EmotionCard; model: Uint8Array };
}

export interface Source {
  /** Where the models are, e.g. /api/v1/models. */
  baseUrl: string;
  /** Goes along as a bearer's, where the server asks for one. */
  token?: string | undefined;
  runtimeUrl: string;
}

/** Fetch all that is needed, and check it against the cards. Bytes are counted unpacked. */
export async function fetchFiles(source: Source, onProgress: (loaded: number, total: number) => void): Promise<Files> {
  const base = source.baseUrl.replace(/\/+$/, "");
  const get = (name: string): Promise<Response> => fetchFrom(`${base}/${name}`, source.token);
  const card = async (name: string): Promise<unknown> => (await get(name)).json();
  const [detectorCard, emotionCard] = await Promise.all([
    card("detector.json").then(checkDetectorCard),
    card("emotion.json").then(checkEmotionCard),
  ]);
  const total = RUNTIME_BYTES + detectorCard.bytes + emotionCard.bytes;
  let loaded = 0;
  const count = (bytes: number): void => onProgress((loaded += bytes), total);
  const model = async (card: DetectorCard | EmotionCard): Promise<Uint8Array> =>
    checked(card, await read(await get(card.file), count));
  const [runtime, detector, emotion] = await Promise.all([
    fetchFrom(source.runtimeUrl).then((answer) => read(answer, count)),
    model(detectorCard),
    model(emotionCard),
  ]);
  return {
    runtime: runtime.buffer,
    detector: { card: detectorCard, model: detector },
    emotion: { card: emotionCard, model: emotion },
  };
}

async function fetchFrom(url: string, token?: string): Promise<Response> {
  const answer = await fetch(url, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new Error(`${url}: expected a file, got status ${answer.status} (${said?.error?.message ?? answer.statusText})`);
}

async function read(answer: Response, count: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  if (!answer.body) return new Uint8Array(await answer.arrayBuffer());
  const pieces: Uint8Array[] = [];
  const reader = answer.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    count(next.value.length);
  }
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let start = 0;
  for (const piece of pieces) {
    whole.set(piece, start);
    start += piece.length;
  }
  return whole;
}

/** A model as its card describes it, or an error. */
export async function checked(
  card: { file: string; sha256: string },
  model: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", model));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found === card.sha256) return model;
  throw new Error(`${card.file}: expected SHA-256 ${card.sha256}, got ${found}; reload the page`);
}
