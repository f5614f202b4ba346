// Events and parts of recordings on their way: kept on this device first, sent in order, taken away when the server has
// them on its disk. A network that is gone is tried again; nothing is lost by that.

import { ApiError, call } from "../api.ts";
import type { Kept, Part, StudyEvent } from "./shapes.ts";
import type { Storage } from "./storage.ts";

export const WAITS_S = [1, 2, 4, 8, 15] as const;
/** Fewer than the server takes at once (happenings.MOST_AT_ONCE), and short enough for its limit of 16 kB. */
const MOST_EVENTS = 40;
const SOON_MS = 700;
const MOST_TRIES = 3;

export type SendPart = (part: Part, token: string) => Promise<void>;

export class Outbox {
  /** Whether the last thing that was tried came through. */
  online = $state(true);
  waiting = $state.raw({ events: 0, parts: 0 });
  /** Events and parts that the server would not take; it says why in its log. */
  refused = $state(0);
  /** Why nothing is sent with this token any more, if so; what waits stays, for a token that is good. */
  halted = $state.raw<ApiError | null>(null);
  #failures = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | null = null;
  #asked = false;
  #closed = false;
  #known = false;

  constructor(
    private readonly storage: Storage,
    readonly who: string,
    readonly token: string,
    private readonly onErased: () => void,
    private readonly onOnline: (online: boolean) => void = () => {},
    private readonly sendPart: SendPart = putPart,
  ) {}

  async add(...events: StudyEvent[]): Promise<void> {
    if (this.#closed) return;
    await this.storage.putEvents(this.who, events);
    this.#soon(SOON_MS);
  }

  async addPart(part: Part): Promise<void> {
    if (this.#closed) return;
    await this.storage.putPart(this.who, part);
    this.#soon(0);
  }

  /** Send what waits, now; resolves when all was tried once. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending) {
      this.#asked = true;
      return this.#sending;
    }
    this.#sending = this.#send();
    try {
      await this.#sending;
    } finally {
      this.#sending = null;
      if (this.#asked) {
        this.#asked = false;
        this.#soon(0);
      }
    }
  }

  /** Wait until nothing is left; false where the time is over first. */
  async emptied(longest_ms: number): Promise<boolean> {
    const end = performance.now() + longest_ms;
    while (!this.#closed && !this.halted) {
      await this.flush();
      if (this.waiting.events + this.waiting.parts === 0) return true;
      if (performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return false;
  }

  /** Send nothing any more with this token. */
  halt(why: ApiError): void {
    this.halted = why;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #soon(wait_ms: number): void {
    if (this.#closed || this.halted || (this.#timer !== undefined && wait_ms > 0)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), wait_ms);
  }

  async #send(): Promise<void> {
    try {
      if (this.halted) return;
      while (!this.#closed && (await this.#sendEvents())) continue;
      if (!this.#known) await this.#forgetKnown();
      while (!this.#closed && (await this.#sendOnePart())) continue;
      this.#failures = 0;
      this.#say(true);
    } catch (error) {
      // The answer to a token that is not used any more says nothing about the one that is.
      if (this.#closed) return;
      if (isErased(error)) {
        this.close();
        this.onErased();
        return;
      }
      // A token that is over, or an erasure that is not: trying again changes nothing, and nothing may be lost by it.
      if (error instanceof ApiError && error.status === 401) return this.halt(error);
      this.#say(false);
      const wait_s = WAITS_S[Math.min(this.#failures, WAITS_S.length - 1)] ?? 15;
      this.#failures += 1;
      this.#soon(wait_s * 1000);
    } finally {
      this.waiting = await this.storage.waiting(this.who);
    }
  }

  async #sendEvents(): Promise<boolean> {
    const events = await this.storage.events(this.who, MOST_EVENTS);
    if (!events.length) return false;
    try {
      await this.#post(events);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // One that the server does not take must not hold up the others.
      for (const one of events) {
        try {
          await this.#post([one]);
        } catch (again) {
          if (!isRefusal(again)) throw again;
          console.error("an event was refused", one.kind, again);
          this.refused += 1;
        }
      }
    }
    await this.storage.dropEvents(this.who, events);
    return true;
  }

  async #post(events: StudyEvent[]): Promise<void> {
    await call("/study/events", { method: "POST", token: this.token, body: { events } });
  }

  /** Parts that came through before the answer was lost. */
  async #forgetKnown(): Promise<void> {
    if ((await this.storage.waiting(this.who)).parts) {
      for (const one of await call<Kept[]>("/study/recordings", { token: this.token })) {
        await this.storage.dropPart(this.who, one);
      }
    }
    this.#known = true;
  }

  async #sendOnePart(): Promise<boolean> {
    const part = await this.storage.firstPart(this.who);
    if (!part) return false;
    try {
      await this.sendPart(part, this.token);
      this.#tries = 0;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#tries += 1;
      if (this.#tries < MOST_TRIES) return true;
      console.error("a part of the recording was refused", error);
      this.#tries = 0;
      this.refused += 1;
    }
    await this.storage.dropPart(this.who, part);
    this.waiting = await this.storage.waiting(this.who);
    return true;
  }

  #say(online: boolean): void {
    if (this.online === online) return;
    this.online = online;
    this.onOnline(online);
  }
}

/** Whether the server says that nothing of the participant is kept; other 401s say nothing like that. */
export function isErased(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401 && error.reason === "erased";
}

/** A no that trying again would not change. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [400, 403, 404, 405, 409, 413, 422].includes(error.status);
}

async function putPart(part: Part, token: string): Promise<void> {
  const address = `/api/v1/study/recordings/${part.attempt}/${part.step}/${part.part}?sha256=${part.sha256}`;
  let answer: Response;
  try {
    answer = await fetch(address, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/octet-stream" },
      body: part.content,
    });
  } catch {
    throw new ApiError(0, "network", "");
  }
  if (!answer.ok) {
    const said = (await answer.json().catch(() => null)) as { error?: { reason?: string; message?: string } } | null;
    throw new ApiError(answer.status, said?.error?.reason ?? "unknown", said?.error?.message ?? "");
  }
}
