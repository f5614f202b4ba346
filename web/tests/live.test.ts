import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LiveSocket, WAITS_S, type LiveStatus, type Wire } from "../src/live.ts";

class FakeWire implements Wire {
  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  readyState = 0;
  sent: string[] = [];
  closed: number | undefined;
  send(text: string): void {
    this.sent.push(text);
  }
  close(code?: number): void {
    this.closed = code ?? 1005;
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  say(data: unknown): void {
    this.onmessage?.({ data } as MessageEvent);
  }
  fail(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}

let wires: FakeWire[];
let statuses: LiveStatus[];
let messages: unknown[];
let live: LiveSocket;
const wire = (): FakeWire => wires.at(-1)!;
const status = (): LiveStatus => statuses.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  statuses = [];
  messages = [];
  live = new LiveSocket({
    make: () => wires[wires.push(new FakeWire()) - 1]!,
    onMessage: (message) => messages.push(message),
    onStatus: (found) => statuses.push(found),
  });
  live.connect();
});
afterEach(() => vi.useRealTimers());

test("it waits 1, 2, 4, 8 and then every 15 seconds, and counts them down aloud", () => {
  for (const wait of [...WAITS_S, 15, 15]) {
    const before = wires.length;
    wire().fail(1006);
    expect(status()).toEqual({ kind: "waiting", seconds: wait });
    vi.advanceTimersByTime(wait * 1000 - 1);
    expect(wires.length).toBe(before);
    expect(status()).toEqual({ kind: "waiting", seconds: 1 });
    vi.advanceTimersByTime(1);
    expect(wires.length).toBe(before + 1);
    expect(status()).toEqual({ kind: "connecting" });
  }
});

test("only a server that speaks makes the waits short again", () => {
  wire().fail(1006);
  vi.advanceTimersByTime(1000);
  wire().open();
  wire().fail(1012);
  expect(status()).toEqual({ kind: "waiting", seconds: 2 });
  vi.advanceTimersByTime(2000);
  wire().open();
  wire().say('{"type":"state"}');
  wire().fail(1012);
  expect(status()).toEqual({ kind: "waiting", seconds: 1 });
});

test.each([
  [4400, "refused"],
  [4401, "unknown"],
  [4403, "origin"],
  [4409, "other-tab"],
  [4410, "over"],
  [1000, "left"],
])("after code %i it stops", (code, why) => {
  wire().open();
  wire().fail(code);
  expect(status()).toEqual({ kind: "ended", why });
  vi.advanceTimersByTime(60_000);
  expect(wires.length).toBe(1);
});

test("it can be told to try now, and does so once", () => {
  wire().fail(1006);
  live.connect();
  expect(wires.length).toBe(2);
  vi.advanceTimersByTime(5000);
  expect(wires.length).toBe(2);
});

test("a wire that was replaced or stopped is heard no more", () => {
  const first = wire();
  first.open();
  live.connect();
  expect(first.closed).toBe(1000);
  expect(first.onclose).toBeNull();
  wire().open();
  live.stop();
  expect(live.send("x")).toBe(false);
  vi.advanceTimersByTime(60_000);
  expect(wires.length).toBe(2);
});

test("it sends on an open wire alone, and passes on objects alone", () => {
  expect(live.send("early")).toBe(false);
  wire().open();
  expect(live.send("now")).toBe(true);
  expect(wire().sent).toEqual(["now"]);
  for (const data of ["{", "3", "null", '{"type":"state"}']) wire().say(data);
  expect(messages).toEqual([{ type: "state" }]);
});
