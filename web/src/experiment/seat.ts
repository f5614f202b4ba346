// Who sits here: the code, the token and the receipts, on this device, for coming back and for sending what is left.

import type { Receipt } from "../api.ts";
import { read, write } from "../memory.ts";
import { plainCode } from "../student/keep.ts";

const KEY = "classmood-study-seat";

export interface Seat {
  code: string;
  token: string;
  name: string;
  receipts: Receipt[];
}

export function keepSeat(seat: Seat | null): void {
  write(KEY, seat ? JSON.stringify(seat) : null);
}

/** The seat of a code; of any where none is given. */
export function keptSeat(code: string | null): Seat | null {
  try {
    const found = JSON.parse(read(KEY) ?? "null") as Partial<Seat> | null;
    if (!found?.code || !found.token || !found.name || !found.receipts) return null;
    return code === null || found.code === code ? (found as Seat) : null;
  } catch {
    return null;
  }
}

/** The code in the page's address, if it has one. */
export function codeIn(path: string): string | null {
  const found = /^\/take-part\/([^/]+)\/?$/.exec(path);
  try {
    return found ? plainCode(decodeURIComponent(found[1] ?? "")) : null;
  } catch {
    return null;
  }
}
