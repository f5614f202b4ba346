// What was not acknowledged by the server yet, on this device: in IndexedDB, so that neither a closed lid nor a crash
// takes it; in memory where a browser denies that.

import type { Part, StudyEvent } from "./shapes.ts";

export interface Storage {
  putEvents(who: string, events: readonly StudyEvent[]): Promise<void>;
  events(who: string, most: number): Promise<StudyEvent[]>;
  dropEvents(who: string, events: readonly StudyEvent[]): Promise<void>;
  putPart(who: string, part: Part): Promise<void>;
  firstPart(who: string): Promise<Part | null>;
  dropPart(who: string, part: Pick<Part, "attempt" | "step" | "part">): Promise<void>;
  waiting(who: string): Promise<{ events: number; parts: number }>;
  forget(who: string): Promise<void>;
}

const NAME = "classmood-study";
const STORES = ["events", "parts"] as const;
type StoreName = (typeof STORES)[number];

/** All keys of one participant: [who, ...]. */
const all = (who: string): IDBKeyRange => IDBKeyRange.bound([who], [who, []]);
const eventKey = (who: string, one: StudyEvent): IDBValidKey => [who, one.attempt, one.sequence];
const partKey = (who: string, one: Pick<Part, "attempt" | "step" | "part">): IDBValidKey => [
  who,
  one.attempt,
  one.step,
  one.part,
];

export async function openStorage(): Promise<Storage> {
  try {
    return new Kept(await opened());
  } catch {
    return new Remembered();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asking = indexedDB.open(NAME, 1);
    asking.onupgradeneeded = () => STORES.forEach((name) => asking.result.createObjectStore(name));
    asking.onsuccess = () => resolve(asking.result);
    asking.onerror = () => reject(asking.error ?? new Error("IndexedDB"));
    asking.onblocked = () => reject(new Error("IndexedDB"));
  });
}

class Kept implements Storage {
  constructor(private readonly database: IDBDatabase) {}

  putEvents(who: string, events: readonly StudyEvent[]): Promise<void> {
    return this.#write("events", (store) => events.forEach((one) => store.put(one, eventKey(who, one))));
  }

  events(who: string, most: number): Promise<StudyEvent[]> {
    return this.#read("events", (store) => store.getAll(all(who), most) as IDBRequest<StudyEvent[]>);
  }

  dropEvents(who: string, events: readonly StudyEvent[]): Promise<void> {
    return this.#write("events", (store) => events.forEach((one) => store.delete(eventKey(who, one))));
  }

  putPart(who: string, part: Part): Promise<void> {
    return this.#write("parts", (store) => store.put(part, partKey(who, part)));
  }

  async firstPart(who: string): Promise<Part | null> {
    const found = await this.#read("parts", (store) => store.getAll(all(who), 1) as IDBRequest<Part[]>);
    return found[0] ?? null;
  }

  dropPart(who: string, part: Pick<Part, "attempt" | "step" | "part">): Promise<void> {
    return this.#write("parts", (store) => store.delete(partKey(who, part)));
  }

  async waiting(who: string): Promise<{ events: number; parts: number }> {
    const [events, parts] = await Promise.all(STORES.map((name) => this.#read(name, (store) => store.count(all(who)))));
    return { events: events ?? 0, parts: parts ?? 0 };
  }

  async forget(who: string): Promise<void> {
    for (const name of STORES) await this.#write(name, (store) => store.delete(all(who)));
  }

  #write(name: StoreName, change: (store: IDBObjectStore) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const writing = this.database.transaction(name, "readwrite", { durability: "strict" });
      writing.oncomplete = () => resolve();
      writing.onerror = writing.onabort = () => reject(writing.error ?? new Error("IndexedDB"));
      change(writing.objectStore(name));
    });
  }

  #read<T>(name: StoreName, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const asking = ask(this.database.transaction(name, "readonly").objectStore(name));
      asking.onsuccess = () => resolve(asking.result);
      asking.onerror = () => reject(asking.error ?? new Error("IndexedDB"));
    });
  }
}

export class Remembered implements Storage {
  #events = new Map<string, StudyEvent>();
  #parts = new Map<string, Part>();

  async putEvents(who: string, events: readonly StudyEvent[]): Promise<void> {
    for (const one of events) this.#events.set(String(eventKey(who, one)), one);
  }

  async events(who: string, most: number): Promise<StudyEvent[]> {
    const found = [...this.#events].filter(([key]) => key.startsWith(`${who},`)).map(([, one]) => one);
    return found.sort((a, b) => a.attempt - b.attempt || a.sequence - b.sequence).slice(0, most);
  }

  async dropEvents(who: string, events: readonly StudyEvent[]): Promise<void> {
    for (const one of events) this.#events.delete(String(eventKey(who, one)));
  }

  async putPart(who: string, part: Part): Promise<void> {
    this.#parts.set(String(partKey(who, part)), part);
  }

  async firstPart(who: string): Promise<Part | null> {
    return [...this.#parts].find(([key]) => key.startsWith(`${who},`))?.[1] ?? null;
  }

  async dropPart(who: string, part: Pick<Part, "attempt" | "step" | "part">): Promise<void> {
    this.#parts.delete(String(partKey(who, part)));
  }

  async waiting(who: string): Promise<{ events: number; parts: number }> {
    const mine = (keys: Iterable<string>): number => [...keys].filter((key) => key.startsWith(`${who},`)).length;
    return { events: mine(this.#events.keys()), parts: mine(this.#parts.keys()) };
  }

  async forget(who: string): Promise<void> {
    for (const kept of [this.#events, this.#parts])
      for (const key of [...kept.keys()]) if (key.startsWith(`${who},`)) kept.delete(key);
  }
}
