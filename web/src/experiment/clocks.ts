// Exchanges of clocks with the server: often at first, then now and then. Each is logged as it was; offset and drift are
// worked out afterwards (classmood.server.study.clocks).

import { call } from "../api.ts";
import type { ClockReply } from "./shapes.ts";

const FIRST = 8;
const FIRST_MS = 250;
const LATER_MS = 5000;

export interface Exchange {
  sent_ms: number;
  received_s: number;
  replied_s: number;
  heard_ms: number;
}

export class Clocks {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  #stopped = false;

  constructor(
    private readonly token: string,
    private readonly onExchange: (exchange: Exchange, reply: ClockReply) => void,
  ) {}

  start(): void {
    void this.#go();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #go(): Promise<void> {
    try {
      const before_ms = performance.now();
      const reply = await call<ClockReply>("/study/clock", { method: "POST", token: this.token });
      const after_ms = performance.now();
      if (this.#stopped) return;
      const [sent_ms, heard_ms] = onTheWire(before_ms, after_ms);
      this.onExchange({ sent_ms, received_s: reply.received_s, replied_s: reply.replied_s, heard_ms }, reply);
      this.#count += 1;
    } catch {
      // The outbox says when the server cannot be reached; the next exchange comes anyway.
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#go(), this.#count < FIRST ? FIRST_MS : LATER_MS);
  }
}

/** When the last exchange was sent and heard by the browser itself: a page that is busy calls later and hears later. */
function onTheWire(before_ms: number, after_ms: number): [number, number] {
  const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  const own = entries.filter((entry) => entry.name.endsWith("/study/clock") && entry.startTime >= before_ms - 1).at(-1);
  // Their list is full at some point, and then takes nothing more.
  performance.clearResourceTimings();
  const inside = own !== undefined && own.requestStart >= before_ms && own.responseStart > own.requestStart && own.responseStart <= after_ms;
  return inside ? [own.requestStart, own.responseStart] : [before_ms, after_ms];
}
