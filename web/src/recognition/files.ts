// The models, cards and ONNX Runtime over the network. The cards are asked for each time, and with them whether the
// deployment still allows the models. Models and runtime the page keeps itself: the browser's own cache drops files of
// their size where it is short, as in a private window. Once the cards are refused they are thrown away.

import { checkDetectorCard, checkEmotionCard, type DetectorCard, type EmotionCard } from "./cards.ts";

/** Of onnxruntime-web 1.30.0, unpacked. A test compares it with the file. */
export const RUNTIME: Checked = {
  sha256: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
  bytes: 14_239_897,
};

/** What a file is known by. */
interface Checked {
  sha256: string;
  bytes: number;
}

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
  runtime?: Checked;
}

const SHELF = "classmood-models";

/** Fetch all that is needed, and check it against the cards. Bytes are counted unpacked. */
export async function fetchFiles(source: Source, onProgress: (loaded: number, total: number) => void): Promise<Files> {
  const base = source.baseUrl.replace(/\/+$/, "");
  const get = (name: string): Promise<Response> => fetchFrom(`${base}/${name}`, source.token);
  const card = async (name: string): Promise<unknown> => (await get(name)).json();
  const [detectorCard, emotionCard] = await Promise.all([
    card("detector.json").then(checkDetectorCard),
    card("emotion.json").then(checkEmotionCard),
  ]).catch(async (error: unknown) => {
    if (error instanceof Refused) await globalThis.caches?.delete(SHELF);
    throw error;
  });
  const runtimeCard = source.runtime ?? RUNTIME;
  const total = runtimeCard.bytes + detectorCard.bytes + emotionCard.bytes;
  let loaded = 0;
  const count = (bytes: number): void => onProgress((loaded += bytes), total);
  const shelf = await openShelf();
  const kept = async (url: string, { sha256 }: Checked, token?: string): Promise<Uint8Array<ArrayBuffer>> => {
    const address = `${url}?sha256=${sha256}`;
    const before = await shelf?.match(address);
    if (before) {
      const found = new Uint8Array(await before.arrayBuffer());
      if (await isOf(sha256, found)) {
        count(found.length);
        return found;
      }
    }
    // What is kept here need not be kept by the browser as well.
    const found = await read(await fetchFrom(url, token, shelf ? "no-store" : "default"), count);
    if (!(await isOf(sha256, found))) {
      throw new Error(`${url}: expected the file of SHA-256 ${sha256}, got another; reload the page`);
    }
    await keep(shelf, address, found);
    return found;
  };
  const [runtime, detector, emotion] = await Promise.all([
    kept(source.runtimeUrl, runtimeCard),
    kept(`${base}/${detectorCard.file}`, detectorCard, source.token),
    kept(`${base}/${emotionCard.file}`, emotionCard, source.token),
  ]);
  return {
    runtime: runtime.buffer,
    detector: { card: detectorCard, model: detector },
    emotion: { card: emotionCard, model: emotion },
  };
}

/** The server will not give the models. */
class Refused extends Error {}

async function fetchFrom(url: string, token?: string, cache: RequestCache = "default"): Promise<Response> {
  const answer = await fetch(url, { cache, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  const told = `got status ${answer.status} (${said?.error?.message ?? answer.statusText})`;
  throw new (answer.status === 403 ? Refused : Error)(`${url}: expected a file, ${told}`);
}

/** Where models are kept; null where the browser has no such place. */
async function openShelf(): Promise<Cache | null> {
  try {
    return (await globalThis.caches?.open(SHELF)) ?? null;
  } catch {
    return null;
  }
}

/** Put a file there in place of older ones. A full disk costs the next visit a download, and this one nothing. */
async function keep(shelf: Cache | null, address: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    const name = nameOf(address);
    for (const old of (await shelf?.keys()) ?? []) if (nameOf(old.url) === name) await shelf?.delete(old);
    await shelf?.put(address, new Response(file));
  } catch (error) {
    console.warn("the models could not be kept for the next visit", error);
  }
}

/** The name of a file, without the mark that a build puts into it: `runtime-DcHrbrbl.wasm` is `runtime.wasm`. */
function nameOf(address: string): string {
  return address.replace(/\?.*/, "").replace(/^.*\//, "").replace(/-[\w-]{8}(?=\.wasm$)/, "");
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

async function isOf(sha256: string, file: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
