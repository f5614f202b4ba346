// The recogniser of the student's page. It runs in a worker of its own, so that the page stays quick; frames go there and
// no further, and only the numbers of `Recognition` come back.

import type { FromWorker, ToWorker } from "./messages.ts";
import type { Recognition } from "./recognition.ts";

export type { FaceBox, Recognition } from "./recognition.ts";

export interface RecogniserOptions {
  /** Where the models are, e.g. /api/v1/models. */
  baseUrl: string;
  /** The student's token, where the server asks for one. */
  token?: string;
  /** Bytes are counted unpacked; over the wire they are about half as many. */
  onProgress?: (loadedBytes: number, totalBytes: number) => void;
}

export interface Recogniser {
  /**
   * What the largest face of a frame shows; null where no face is seen. Frames are taken for one camera's, in order.
   * An ImageBitmap is handed over, and closed.
   */
  recognise(frame: ImageData | ImageBitmap | HTMLVideoElement): Promise<Recognition | null>;
  /** What comes next has nothing to do with what was. */
  forget(): void;
  /** Stop; answers that are still due are null. */
  close(): void;
}

/** Fetch and open the models. Rejects with the reason where they cannot be had, or are not those of their cards. */
export async function createRecogniser({ baseUrl, token, onProgress }: RecogniserOptions): Promise<Recogniser> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  // A worker's own base is its file: the address is settled here, against the page.
  const base = new URL(baseUrl, document.baseURI).href;
  const opened = new Promise<RunningRecogniser>((resolve, reject) => {
    const running = new RunningRecogniser(worker, { onProgress, onReady: () => resolve(running), onFailure: reject });
    running.send({ kind: "open", baseUrl: base, token });
  });
  return opened.catch((error: unknown) => {
    worker.terminate();
    throw error;
  });
}

interface Waiting {
  resolve: (found: Recognition | null) => void;
  reject: (reason: Error) => void;
}

interface Opening {
  onProgress: RecogniserOptions["onProgress"];
  onReady: () => void;
  onFailure: (reason: Error) => void;
}

class RunningRecogniser implements Recogniser {
  #waiting = new Map<number, Waiting>();
  #last = 0;
  #closed = false;

  constructor(
    private readonly worker: Worker,
    private readonly opening: Opening,
  ) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>): void => this.#take(data);
    worker.onerror = (event): void => this.#fail(new Error(`the recogniser's worker failed (${event.message})`));
    worker.onmessageerror = (): void => this.#fail(new Error("the recogniser's worker sent what cannot be read"));
  }

  async recognise(frame: ImageData | ImageBitmap | HTMLVideoElement): Promise<Recognition | null> {
    if (this.#closed) return null;
    if (frame instanceof HTMLVideoElement) {
      if (frame.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !frame.videoWidth) return null;
      frame = await createImageBitmap(frame);
      if (this.#closed) return null;
    }
    const id = (this.#last += 1);
    const answer = new Promise<Recognition | null>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.send({ kind: "look", id, frame }, frame instanceof ImageBitmap ? [frame] : []);
    return answer;
  }

  forget(): void {
    if (!this.#closed) this.send({ kind: "forget" });
  }

  close(): void {
    this.#closed = true;
    this.worker.terminate();
    this.#waiting.forEach(({ resolve }) => resolve(null));
    this.#waiting.clear();
  }

  send(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  #take(message: FromWorker): void {
    if (message.kind === "progress") return this.opening.onProgress?.(message.loaded, message.total);
    if (message.kind === "ready") return this.opening.onReady();
    if (message.kind === "failed" && message.id === null) return this.opening.onFailure(new Error(message.message));
    const waiting = this.#waiting.get(message.id as number);
    this.#waiting.delete(message.id as number);
    if (message.kind === "found") waiting?.resolve(message.found);
    else waiting?.reject(new Error(message.message));
  }

  #fail(reason: Error): void {
    this.opening.onFailure(reason);
    this.#waiting.forEach(({ reject }) => reject(reason));
    this.#waiting.clear();
  }
}
