import { expect, test } from "vitest";
import { codeInAddress, forgetSeat, keepSeat, keptSeat, plainCode, shownCode } from "../src/student/keep.ts";

test("a code is read as the server reads it", () => {
  for (const typed of ["ABCD-EFGH", "abcdefgh", " ab cd-ef gh "]) expect(plainCode(typed)).toBe("ABCDEFGH");
  expect(plainCode("ilo0-1234")).toBe("11001234");
  for (const wrong of ["", "ABCD-EFG", "ABCD-EFGHJ", "ABCD-EFGU", "ABCD_EFGH", "äBCD-EFGH"]) expect(plainCode(wrong)).toBeNull();
  expect(shownCode("ABCDEFGH")).toBe("ABCD-EFGH");
});

test("the code in an address is taken where it can be one", () => {
  expect(codeInAddress("/join/abcd-efgh")).toBe("ABCDEFGH");
  expect(codeInAddress("/join/ABCD%2DEFGH/")).toBe("ABCDEFGH");
  for (const path of ["/", "/join/", "/join/x", "/join/%E0%A4%A", "/join/a/b"]) expect(codeInAddress(path)).toBeNull();
});

test("a seat is kept until it is forgotten, and what is no seat is not one", () => {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
  const seat = {
    code: "ABCDEFGH",
    token: "a.b",
    mode: "press" as const,
    receipt: { id: "1", document: "consent", version: "v", given: "2026-01-01T00:00:00Z" },
  };
  keepSeat(seat);
  expect(keptSeat()).toEqual(seat);
  const key = [...stored.keys()][0]!;
  for (const broken of ["{", "null", "3", '{"code":"ABCDEFGH"}']) {
    stored.set(key, broken);
    expect(keptSeat()).toBeNull();
  }
  keepSeat(seat);
  forgetSeat();
  expect(stored.size).toBe(0);
});

test("without storage nothing is kept and nothing breaks", () => {
  Object.defineProperty(globalThis, "localStorage", {
    get: () => {
      throw new Error("denied");
    },
    configurable: true,
  });
  forgetSeat();
  expect(keptSeat()).toBeNull();
});
