// A session's plan, what waits on the device, and the figures of the scales.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dues, progress } from "../src/experiment/course.ts";
import { face, size, spark } from "../src/experiment/manikins.ts";
import { Outbox } from "../src/experiment/outbox.svelte.ts";
import { codeIn } from "../src/experiment/seat.ts";
import { asked, type Part, type Step, type StepKind, type StudyEvent } from "../src/experiment/shapes.ts";
import { Remembered } from "../src/experiment/storage.ts";
import { ApiError } from "../src/api.ts";

const step = (number: number, kind: StepKind, duration_s: number): Step => ({
  number,
  kind,
  duration_s,
  records: false,
  stimulus: null,
  page: null,
});
const STEPS = [step(1, "baseline", 10), step(2, "stimulus", 40), step(3, "page", 20), step(4, "repair", 30), step(5, "debrief", 15)];

test("every step counts from one moment", () => {
  const found = dues(STEPS, 1000, 1, 0, false);
  expect(found.map((due) => [due.planned_ms, due.over_ms])).toEqual([
    [1000, 11000],
    [11000, 51000],
    [51000, 71000],
    [71000, 101000],
    [101000, 116000],
  ]);
});

test("what was interrupted goes on with what is left of it", () => {
  const found = dues(STEPS, 0, 4, 12, false);
  expect(found.map((due) => [due.step.number, due.skipped_s, due.over_ms])).toEqual([
    [4, 12, 18000],
    [5, 0, 33000],
  ]);
});

test("whoever stops sees the calm end alone", () => {
  expect(dues(STEPS, 0, 1, 0, true).map((due) => due.step.kind)).toEqual(["repair", "debrief"]);
});

test("progress is by time", () => {
  expect(progress(STEPS, 1)).toBe(0);
  expect(progress(STEPS, 3)).toBeCloseTo(50 / 115);
  expect(progress([], 1)).toBe(0);
});

test("a code is read from the address", () => {
  expect(codeIn("/take-part/abcd-efgh")).toBe("ABCDEFGH");
  expect(codeIn("/take-part/%zz")).toBeNull();
  expect(codeIn("/")).toBeNull();
});

test("each kind of page asks for its answers", () => {
  expect(asked("sam")).toEqual(["valence", "arousal", "dominance"]);
  expect(asked("aspects")).toHaveLength(6);
});

test("the figures go one way from end to end", () => {
  const bend = (share: number): number => Number(/Q32 ([\d.]+)/.exec(face(share).mouth)?.[1]);
  const shares = [0, 0.25, 0.5, 0.75, 1];
  for (const measure of [bend, size, (share: number) => spark(share).lid]) {
    const values = shares.map(measure);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(new Set(values).size).toBe(5);
  }
});

const event = (sequence: number): StudyEvent => ({ attempt: 1, sequence, step: 1, time_ms: sequence, kind: "onset" });
const part = (number: number): Part => ({ attempt: 1, step: 2, part: number, sha256: "0", content: new ArrayBuffer(1) });

/** A server that can be away, and that loses answers. */
class FakeServer {
  away = false;
  losesAnswers = false;
  refuses = new Set<number>();
  /** Why no token is taken, if so. */
  unauthorized = "";
  asked = 0;
  events: number[] = [];
  parts: number[] = [];

  fetch = async (address: string, init: RequestInit): Promise<Response> => {
    this.asked += 1;
    if (this.away) throw new TypeError("no network");
    if (this.unauthorized) {
      return Response.json({ error: { reason: this.unauthorized, message: "no" } }, { status: 401 });
    }
    if (address.endsWith("/recordings")) {
      return Response.json(this.parts.map((number) => ({ attempt: 1, step: 2, part: number, sha256: "0" })));
    }
    const { events } = JSON.parse(String(init.body)) as { events: StudyEvent[] };
    if (events.some((one) => this.refuses.has(one.sequence))) {
      return Response.json({ error: { reason: "invalid", message: "no" } }, { status: 422 });
    }
    for (const one of events) if (!this.events.includes(one.sequence)) this.events.push(one.sequence);
    if (this.losesAnswers) throw new TypeError("gone");
    return Response.json({ new: events.length });
  };

  sendPart = async (sent: Part): Promise<void> => {
    if (this.away) throw new ApiError(0, "network", "");
    this.parts.push(sent.part);
    if (this.losesAnswers) throw new ApiError(0, "network", "");
  };
}

let server: FakeServer;
const network: boolean[] = [];
const outbox = (storage: Remembered, onErased = (): void => {}): Outbox =>
  new Outbox(storage, "ABCDEFGH", "token", onErased, (online) => network.push(online), server.sendPart);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  network.length = 0;
  vi.stubGlobal("fetch", server.fetch);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("everything arrives once and in order, whatever the network does", async () => {
  const storage = new Remembered();
  const box = outbox(storage);
  server.away = true;
  for (let k = 0; k < 100; k += 1) await box.add(event(k));
  for (let k = 0; k < 3; k += 1) await box.addPart(part(k));
  await vi.advanceTimersByTimeAsync(5000);
  expect(box.online).toBe(false);
  expect(box.waiting).toEqual({ events: 100, parts: 3 });
  server.away = false;
  server.losesAnswers = true;
  await vi.advanceTimersByTimeAsync(60000);
  server.losesAnswers = false;
  await vi.advanceTimersByTimeAsync(60000);
  expect(server.events).toEqual(Array.from({ length: 100 }, (_, k) => k));
  expect(new Set(server.parts)).toEqual(new Set([0, 1, 2]));
  expect(box.waiting).toEqual({ events: 0, parts: 0 });
  expect(network).toEqual([false, true]);
});

test("one event that is refused does not hold up the others", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const box = outbox(new Remembered());
  server.refuses.add(3);
  await box.add(...[0, 1, 2, 3, 4].map(event));
  await box.flush();
  expect(server.events).toEqual([0, 1, 2, 4]);
  expect(box.refused).toBe(1);
  expect(box.waiting.events).toBe(0);
});

test("a page that was closed sends what it kept, and not the parts that had come through", async () => {
  const storage = new Remembered();
  for (const number of [0, 1, 2]) await storage.putPart("ABCDEFGH", part(number));
  await storage.putEvents("ABCDEFGH", [event(7)]);
  await storage.putEvents("SOMEBODY", [event(8)]);
  server.parts = [0, 1];
  await outbox(storage).flush();
  expect(server.parts).toEqual([0, 1, 2]);
  expect(server.events).toEqual([7]);
  expect(await storage.waiting("SOMEBODY")).toEqual({ events: 1, parts: 0 });
  await storage.forget("SOMEBODY");
  expect(await storage.waiting("SOMEBODY")).toEqual({ events: 0, parts: 0 });
});

test.each(["expired", "erasing", "token"])("a no to the token for being %s takes nothing, and ends the sending", async (reason) => {
  const storage = new Remembered();
  const onErased = vi.fn();
  const box = outbox(storage, onErased);
  server.unauthorized = reason;
  await storage.putPart("ABCDEFGH", part(0));
  await box.add(event(0));
  await box.flush();
  const asked = server.asked;
  // What happens from now on is kept too.
  await box.add(event(1));
  await box.addPart(part(1));
  await vi.advanceTimersByTimeAsync(60000);
  expect(await box.emptied(1000)).toBe(false);
  expect(server.asked).toBe(asked);
  expect(box.halted?.reason).toBe(reason);
  expect(onErased).not.toHaveBeenCalled();
  expect(await storage.waiting("ABCDEFGH")).toEqual({ events: 2, parts: 2 });
  server.unauthorized = "";
  await outbox(storage).flush();
  expect(server.events).toEqual([0, 1]);
  expect(server.parts).toEqual([0, 1]);
});

test("the page is told of an erasure once, and not by an outbox that was given up", async () => {
  const onErased = vi.fn();
  server.unauthorized = "erased";
  const box = outbox(new Remembered(), onErased);
  await box.add(event(0));
  await box.flush();
  await box.flush();
  expect(onErased).toHaveBeenCalledTimes(1);
  const old = outbox(new Remembered(), onErased);
  await old.add(event(0));
  const sending = old.flush();
  old.close();
  await sending;
  expect(onErased).toHaveBeenCalledTimes(1);
});
