// A socket that comes back by itself and says what it is doing.

export const WAITS_S = [1, 2, 4, 8, 15] as const;
/** Codes after which trying again is no use (docs/decisions/0011). */
export const ENDS = {
  1000: "left",
  4400: "refused",
  4401: "unknown",
  4403: "origin",
  4409: "other-tab",
  4410: "over",
} as const;
export type End = (typeof ENDS)[keyof typeof ENDS];

export type LiveStatus =
  | { kind: "connecting" }
  | { kind: "open" }
  | { kind: "waiting"; seconds: number }
  | { kind: "ended"; why: End };

export interface Wire {
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
}

export interface LiveOptions {
  make: () => Wire;
  onMessage: (message: Record<string, unknown>) => void;
  onStatus: (status: LiveStatus) => void;
}

const OPEN = 1;

export class LiveSocket {
  #wire: Wire | null = null;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(private readonly options: LiveOptions) {}

  /** Connect, now. Also the way to come back after another tab took over, or without waiting. */
  connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    this.#stopped = false;
    this.options.onStatus({ kind: "connecting" });
    const wire = this.options.make();
    this.#wire = wire;
    wire.onopen = () => this.options.onStatus({ kind: "open" });
    wire.onmessage = (event) => {
      // Only a server that speaks has taken us in; one that closes at once is waited for longer and longer.
      this.#failures = 0;
      const message = read(event.data);
      if (message) this.options.onMessage(message);
    };
    wire.onclose = (event) => this.#closed(event.code);
  }

  /** Whether it went out. */
  send(text: string): boolean {
    if (this.#wire?.readyState !== OPEN) return false;
    this.#wire.send(text);
    return true;
  }

  /** Close for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #drop(): void {
    const wire = this.#wire;
    this.#wire = null;
    if (!wire) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close(1000);
  }

  #closed(code: number): void {
    this.#wire = null;
    if (this.#stopped) return;
    const why = ENDS[code as keyof typeof ENDS];
    if (why) {
      this.#stopped = true;
      this.options.onStatus({ kind: "ended", why });
      return;
    }
    const wait = WAITS_S[Math.min(this.#failures, WAITS_S.length - 1)] ?? 15;
    this.#failures += 1;
    this.#count(wait);
  }

  #count(seconds: number): void {
    if (seconds <= 0) return this.connect();
    this.options.onStatus({ kind: "waiting", seconds });
    this.#timer = setTimeout(() => this.#count(seconds - 1), 1000);
  }
}

function read(data: unknown): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(String(data));
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
