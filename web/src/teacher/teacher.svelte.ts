// What a teacher's page knows: the classes, and of the one that is open its releases, marks and suggestions.

import {
  ApiError,
  call,
  socketAddress,
  type Deployment,
  type Mark,
  type MarkKind,
  type Nudge,
  type Release,
  type Session,
  type Usefulness,
} from "../api.ts";
import { LiveSocket, type LiveStatus } from "../live.ts";
import { texts } from "../texts/index.ts";

export type Screen = "loading" | "denied" | "list" | "class";

const TICK_MS = 1000;
/** A suggestion that was missed is shown when it is no older. */
const FRESH_S = 300;
/** For how long the page says that the connection is back. */
const BACK_MS = 10_000;

export class Teacher {
  screen = $state<Screen>("loading");
  error = $state("");
  busy = $state(false);
  deployment = $state.raw<Deployment | null>(null);
  sessions = $state.raw<Session[]>([]);
  session = $state.raw<Session | null>(null);
  releases = $state.raw<Release[]>([]);
  marks = $state.raw<Mark[]>([]);
  nudges = $state.raw<Nudge[]>([]);
  /** The number of the suggestion that is shown. */
  shown = $state<number | null>(null);
  live = $state.raw<LiveStatus>({ kind: "connecting" });
  back = $state(false);
  now_s = $state(0);
  #socket: LiveSocket | null = null;
  // The class's clock at a moment of this machine's steady one.
  #clock = { time_s: 0, at_ms: 0 };
  #wasOpen = false;
  #backUntil_ms = 0;
  // Of two visits at once the later one counts; the address changes while a class is being opened.
  #visit = 0;

  get open(): boolean {
    return this.session !== null && this.session.closed === null;
  }

  get latest(): Release | null {
    return this.releases.at(-1) ?? null;
  }

  get nudge(): Nudge | null {
    return this.nudges.find((nudge) => nudge.number === this.shown) ?? null;
  }

  async begin(): Promise<void> {
    await this.#ask(async () => {
      this.deployment = await call<Deployment>("/deployment");
      const id = decodeURIComponent(location.hash.slice(1));
      if (id) await this.#enter(id);
      else await this.#list();
    });
  }

  /** Follow the address: a class, or the list. */
  async follow(): Promise<void> {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id === (this.session?.id ?? "")) return;
    await this.#ask(() => (id ? this.#enter(id) : this.#list()));
  }

  async openClass(size: number | null): Promise<void> {
    await this.#ask(async () => {
      const body = size === null ? {} : { class_size: size };
      const made = await call<Session>("/sessions", { method: "POST", body });
      location.hash = made.id;
    });
  }

  async closeClass(): Promise<void> {
    await this.#ask(async () => {
      const { id } = this.#current();
      await call(`/sessions/${id}/close`, { method: "POST" });
      await this.#enter(id);
    });
  }

  async erase(): Promise<void> {
    await this.#ask(async () => {
      await call(`/sessions/${this.#current().id}`, { method: "DELETE" });
      location.hash = "";
    });
  }

  /** Mark now; the mark, or null where the server did not keep it. */
  async mark(kind: MarkKind, label: string): Promise<Mark | null> {
    try {
      const made = await call<Mark>(`/sessions/${this.#current().id}/marks`, { method: "POST", body: { kind, label } });
      this.marks = merged(this.marks, [made]);
      return made;
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  async answer(number: number, usefulness: Usefulness): Promise<void> {
    await this.#ask(async () => {
      await call(`/sessions/${this.#current().id}/nudges/${number}`, { method: "PUT", body: { usefulness } });
      this.nudges = this.nudges.map((nudge) => (nudge.number === number ? { ...nudge, usefulness } : nudge));
    });
  }

  putAway(): void {
    this.shown = null;
  }

  async setQuiet(quiet: boolean): Promise<void> {
    await this.#ask(async () => {
      const session = this.#current();
      await call(`/sessions/${session.id}/quiet`, { method: "PUT", body: { quiet } });
      this.session = { ...session, quiet };
      if (quiet) this.shown = null;
    });
  }

  retry(): void {
    this.#socket?.connect();
  }

  /** Let time pass for as long as the page lives. */
  watch(): () => void {
    const timer = setInterval(() => this.#tick(), TICK_MS);
    const follow = (): void => void this.follow();
    const online = (): void => {
      if (this.live.kind === "waiting") this.retry();
    };
    addEventListener("hashchange", follow);
    addEventListener("online", online);
    return () => {
      clearInterval(timer);
      removeEventListener("hashchange", follow);
      removeEventListener("online", online);
      this.#socket?.stop();
    };
  }

  async #list(): Promise<void> {
    const visit = this.#leave();
    const found = await call<Session[]>("/sessions");
    if (visit !== this.#visit) return;
    this.sessions = [...found].sort((a, b) => b.opened.localeCompare(a.opened));
    this.screen = "list";
  }

  async #enter(id: string): Promise<void> {
    const visit = this.#leave();
    const session = await call<Session>(`/sessions/${encodeURIComponent(id)}`);
    if (visit !== this.#visit) return;
    this.session = session;
    this.#setClock(session.time_s ?? 0);
    await this.#read(session.id);
    if (visit !== this.#visit) return;
    this.screen = "class";
    if (session.closed !== null) return;
    this.#wasOpen = false;
    this.#socket = new LiveSocket({
      make: () => new WebSocket(socketAddress(`/live/teacher?session=${encodeURIComponent(id)}`)),
      onMessage: (message) => this.#take(message),
      onStatus: (status) => this.#followSocket(status),
    });
    this.#socket.connect();
  }

  #leave(): number {
    this.#socket?.stop();
    this.#socket = null;
    this.session = null;
    this.releases = [];
    this.marks = [];
    this.nudges = [];
    this.shown = null;
    this.back = false;
    return ++this.#visit;
  }

  async #read(id: string): Promise<void> {
    const [releases, marks, nudges] = await Promise.all([
      call<Release[]>(`/sessions/${id}/releases`),
      call<Mark[]>(`/sessions/${id}/marks`),
      call<Nudge[]>(`/sessions/${id}/nudges`),
    ]);
    if (this.session?.id !== id) return;
    this.releases = merged(this.releases, releases);
    this.marks = merged(this.marks, marks);
    const last = nudges.at(-1);
    const isNew = last && last.number > (this.nudges.at(-1)?.number ?? -1) && !last.usefulness;
    if (isNew && this.open && this.now_s - last.time_s < FRESH_S) this.shown = last.number;
    this.nudges = merged(this.nudges, nudges);
  }

  #take(message: Record<string, unknown>): void {
    if (message["type"] === "release") {
      const release = message["release"] as Release;
      this.releases = merged(this.releases, [release]);
      this.#setClock(release.time_s);
    } else if (message["type"] === "nudge") {
      const nudge = message as unknown as Nudge;
      this.nudges = merged(this.nudges, [nudge]);
      this.shown = nudge.number;
    }
  }

  #followSocket(status: LiveStatus): void {
    this.live = status;
    const id = this.session?.id;
    if (!id) return;
    if (status.kind === "open") {
      if (this.#wasOpen) {
        this.back = true;
        this.#backUntil_ms = performance.now() + BACK_MS;
        void this.#ask(() => this.#read(id));
      }
      this.#wasOpen = true;
    } else if (status.kind === "ended") {
      if (status.why === "over") void this.#ask(() => this.#enter(id));
      else this.screen = "denied";
    }
  }

  #setClock(time_s: number): void {
    this.#clock = { time_s, at_ms: performance.now() };
    this.now_s = time_s;
  }

  #tick(): void {
    if (performance.now() > this.#backUntil_ms) this.back = false;
    if (this.open) this.now_s = this.#clock.time_s + (performance.now() - this.#clock.at_ms) / 1000;
  }

  #current(): Session {
    if (!this.session) throw new Error("no class is open");
    return this.session;
  }

  async #ask(what: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = "";
    try {
      await what();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401 || error.status === 403) this.screen = "denied";
      else if (error.status === 404) {
        location.hash = "";
        await this.#list();
      } else this.error = error.reason === "network" ? texts.errors.network : texts.errors.unknown(error.message);
    } finally {
      this.busy = false;
    }
  }
}

/** By number, each once, in order. */
export function merged<T extends { number: number }>(have: readonly T[], more: readonly T[]): T[] {
  const found = new Map(have.map((one) => [one.number, one]));
  for (const one of more) found.set(one.number, { ...found.get(one.number), ...one });
  return [...found.values()].sort((a, b) => a.number - b.number);
}
