// What a device remembers of a class: the token, so that a reload or a sleep does not lose the seat. By code, until forgotten.

import type { Mode, Receipt } from "../api.ts";
import { read, write } from "../memory.ts";

export interface Kept {
  code: string;
  token: string;
  mode: Mode;
  receipt: Receipt;
}

const KEY = "classmood-seat";
const ALPHABET = /^[0-9A-HJKMNP-TV-Z]{8}$/;

/** A code as the server compares it, or null where it cannot be one: case, hyphens and look-alikes do not matter. */
export function plainCode(typed: string): string | null {
  const plain = typed.toUpperCase().replace(/[IL]/g, "1").replace(/O/g, "0").replace(/[-\s]/g, "");
  return ALPHABET.test(plain) ? plain : null;
}

/** As people read it. */
export function shownCode(plain: string): string {
  return `${plain.slice(0, 4)}-${plain.slice(4)}`;
}

/** The code in the page's address, if it has one. */
export function codeInAddress(path: string): string | null {
  const found = /^\/join\/([^/]+)\/?$/.exec(path);
  try {
    return found ? plainCode(decodeURIComponent(found[1] ?? "")) : null;
  } catch {
    return null;
  }
}

export function keepSeat(kept: Kept): void {
  write(KEY, JSON.stringify(kept));
}

export function keptSeat(): Kept | null {
  try {
    const found = JSON.parse(read(KEY) ?? "null") as Partial<Kept> | null;
    return found?.code && found.token && found.mode && found.receipt ? (found as Kept) : null;
  } catch {
    return null;
  }
}

export function forgetSeat(): void {
  write(KEY, null);
}

