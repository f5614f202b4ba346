// What the page does where the server no longer takes its token: nothing is lost, and no erasure is claimed.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Participant } from "../src/experiment/participant.svelte.ts";
import type { StudyEvent } from "../src/experiment/shapes.ts";
import { Remembered, type Storage } from "../src/experiment/storage.ts";
import { texts } from "../src/texts/index.ts";

const CODE = "ABCDEFGH";
const KEY = "classmood-study-seat";
const device = vi.hoisted(() => ({ storage: null as Storage | null }));
vi.mock("../src/experiment/storage.ts", async (original) => ({
  ...(await original<object>()),
  openStorage: async () => device.storage,
}));

const no = (status: number, reason: string, message = `${reason} it is`): Response =>
  Response.json({ error: { reason, message } }, { status });

/** A server that knows which tokens are good, and why the others are not. */
class FakeServer {
  away = false;
  tokens: Record<string, "good" | "expired" | "erasing" | "erased"> = { old: "expired", fresh: "good" };
  join: () => Response = () => Response.json({ state: "running", token: "fresh", name: "001", records: false });
  erasure: () => Response = () => new Response(null, { status: 204 });
  asked: string[] = [];
  events: number[] = [];

  fetch = async (address: string, init: RequestInit): Promise<Response> => {
    if (this.away) throw new TypeError("no network");
    const what = address.replace("/api/v1/study/", "");
    if (what === "join") {
      this.asked.push(what);
      return this.join();
    }
    const token = String((init.headers as Record<string, string>)["Authorization"]).replace("Bearer ", "");
    this.asked.push(`${what} ${token}`);
    const state = this.tokens[token] ?? "expired";
    // An erasure that was begun may be gone on with.
    if (state !== "good" && !(init.method === "DELETE" && state === "erasing")) return no(401, state);
    if (init.method === "DELETE") return this.erasure();
    if (what === "course") return Response.json({ steps: [] });
    if (what === "events") {
      const { events } = JSON.parse(String(init.body)) as { events: StudyEvent[] };
      this.events.push(...events.map((one) => one.sequence));
      return Response.json({ new: events.length });
    }
    return Response.json([]);
  };
}

let server: FakeServer;
let storage: Remembered;
let kept: Map<string, string>;

beforeEach(async () => {
  vi.useFakeTimers();
  server = new FakeServer();
  device.storage = storage = new Remembered();
  kept = new Map([[KEY, JSON.stringify({ code: CODE, token: "old", name: "001", receipts: [] })]]);
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("location", { pathname: "/take-part/ABCD-EFGH" });
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  await storage.putEvents(CODE, [0, 1].map((sequence) => ({ attempt: 1, sequence, step: 1, time_ms: 0, kind: "onset" })));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function opened(): Promise<Participant> {
  const participant = new Participant();
  await participant.begin();
  await vi.advanceTimersByTimeAsync(1000);
  return participant;
}

test("what waited overnight is sent with the fresh token, and nothing with the one that is over", async () => {
  const participant = await opened();
  expect(server.asked[0]).toBe("join");
  expect(server.asked.filter((one) => one.endsWith(" old"))).toEqual([]);
  expect(server.events).toEqual([0, 1]);
  expect(await storage.waiting(CODE)).toEqual({ events: 0, parts: 0 });
  expect(participant.view).toBe("ready");
  expect(participant.seat?.token).toBe("fresh");
});

test("nothing is sent before the server has let the participant in again", async () => {
  server.away = true;
  const participant = await opened();
  expect(participant.view).toBe("code");
  server.away = false;
  await vi.advanceTimersByTimeAsync(60000);
  expect(server.asked).toEqual([]);
  expect(await storage.waiting(CODE)).toEqual({ events: 2, parts: 0 });
  await participant.join();
  await vi.advanceTimersByTimeAsync(1000);
  expect(server.events).toEqual([0, 1]);
});

test("whoever may not come in again still sends what is left, and is not told of an erasure", async () => {
  server.join = () => no(409, "ended");
  const late = await opened();
  expect([late.view, late.over]).toEqual(["over", "ended"]);
  expect(late.outbox?.halted?.reason).toBe("expired");
  expect(await storage.waiting(CODE)).toEqual({ events: 2, parts: 0 });
  expect(kept.has(KEY)).toBe(true);
  server.tokens["old"] = "good";
  await opened();
  expect(server.events).toEqual([0, 1]);
});

test("an erasure by somebody else is told, and leaves nothing on the device", async () => {
  server.tokens["old"] = "erased";
  server.join = () => no(404, "unknown code");
  const participant = await opened();
  expect([participant.view, participant.over]).toEqual(["over", "erased"]);
  expect(await storage.waiting(CODE)).toEqual({ events: 0, parts: 0 });
  expect(kept.has(KEY)).toBe(false);
});

test("with a token that is over nothing is called erased, and the page says what to do", async () => {
  const participant = await opened();
  server.tokens["fresh"] = "expired";
  expect(await participant.erase()).toBe("expired it is");
  expect(participant.view).toBe("ready");
  expect(participant.seat?.token).toBe("fresh");
  server.away = true;
  expect(await participant.erase()).toBe(texts.experiment.stop.failed);
  expect(participant.view).toBe("ready");
});

test("an erasure that failed halfway is gone on with until it is done", async () => {
  const participant = await opened();
  server.erasure = () => {
    server.tokens["fresh"] = "erasing";
    return no(503, "failed");
  };
  for (let k = 0; k < 2; k += 1) {
    expect(await participant.erase()).toBe("failed it is");
    expect(participant.view).toBe("ready");
    expect(kept.has(KEY)).toBe(true);
  }
  server.erasure = () => new Response(null, { status: 204 });
  expect(await participant.erase()).toBe("");
  expect([participant.view, participant.over]).toEqual(["over", "erased"]);
  expect(kept.has(KEY)).toBe(false);
});

test("an erasure whose answer was lost is done the second time", async () => {
  const participant = await opened();
  server.erasure = () => {
    server.tokens["fresh"] = "erased";
    throw new TypeError("gone");
  };
  expect(await participant.erase()).toBe(texts.experiment.stop.failed);
  expect(await participant.erase()).toBe("");
  expect([participant.view, participant.over]).toEqual(["over", "erased"]);
});
