// A release in a sentence, with how sure it is. Above TOO_UNCERTAIN nothing is read into shares (classmood.server.release).

import type { Release } from "../api.ts";
import { EMOTIONS } from "../emotions.ts";
import type { Texts } from "../texts/index.ts";

export const TOO_UNCERTAIN = 0.3;
const GOOD = 0.1;
const FAIR = 0.2;
/** From here on valence is told apart from even, arousal from calm; a class all neutral is at 0, 0. */
const PLEASANT = 0.12;
const LIVELY = 0.2;
const LEADS = 0.15;
const STANDS_OUT = 0.05;
const UNREAD = 0.5;

export type Clarity = "waiting" | "silent" | "few" | "unread" | "clear";

export interface Glance {
  clarity: Clarity;
  say: string;
  sure: string;
}

export function isSilent(release: Release): boolean {
  return release.sharing === null || release.sharing === undefined;
}

/** Whether its shares may be read. */
export function isReadable(release: Release): boolean {
  return !isSilent(release) && (release.half_width ?? 1) <= TOO_UNCERTAIN;
}

/** The greatest shown share that is neither neutral nor unsure, if it stands out of the noise. */
export function leading(release: Release): [(typeof EMOTIONS)[number], number] | null {
  let best: [(typeof EMOTIONS)[number], number] | null = null;
  for (const name of EMOTIONS) {
    const share = release.shares?.[name] ?? 0;
    if (share >= Math.max(LEADS, (release.half_width ?? 1) + STANDS_OUT) && (!best || share > best[1])) best = [name, share];
  }
  return best;
}

/** The emotion that has just risen most beyond the noise, if one has: seen also where shares cannot be read. */
export function rising(release: Release): (typeof EMOTIONS)[number] | null {
  let best: (typeof EMOTIONS)[number] | null = null;
  for (const name of EMOTIONS) {
    const rise = release.rises?.[name] ?? 0;
    if (rise > (best ? (release.rises?.[best] ?? 0) : 0)) best = name;
  }
  return best;
}

export function tone(valence: number, arousal: number): keyof Texts["teacher"]["glance"]["tones"] {
  const pleasure = valence >= PLEASANT ? "pleasant" : valence <= -PLEASANT ? "unpleasant" : "even";
  return `${pleasure}-${arousal >= LIVELY ? "lively" : "calm"}`;
}

export function glance(release: Release | null, k: number, words: Texts): Glance {
  const own = words.teacher.glance;
  if (!release) return { clarity: "waiting", say: own.waiting, sure: own.waitingHint(k) };
  if (isSilent(release)) return { clarity: "silent", say: own.silent, sure: own.silentHint(k) };
  const halfWidth = release.half_width ?? 1;
  const risen = rising(release);
  if (halfWidth > TOO_UNCERTAIN) {
    return risen
      ? { clarity: "few", say: own.rising(words.emotions[risen]), sure: own.fewRising(halfWidth) }
      : { clarity: "few", say: own.few, sure: own.fewHint(halfWidth) };
  }
  const { valence, arousal } = release;
  const unread = (release.shares?.["unsure"] ?? 0) >= UNREAD;
  if (unread || typeof valence !== "number" || typeof arousal !== "number") {
    return { clarity: "unread", say: own.unread, sure: own.unreadHint };
  }
  const lead = leading(release);
  const say = own.tones[tone(valence, arousal)] + (lead ? own.lead(words.emotions[lead[0]], lead[1]) : "") + own.end +
    (risen ? own.rose(words.emotions[risen]) : "");
  const sure = halfWidth <= GOOD ? own.sure.good : halfWidth <= FAIR ? own.sure.fair : own.sure.rough;
  return { clarity: "clear", say, sure: own.sureHint(sure, halfWidth) };
}

export function coverage(release: Release | null, size: number | null, k: number, words: Texts): string {
  const own = words.teacher.live;
  if (!release || isSilent(release)) return own.coverageNone(k);
  const sharing = release.sharing ?? 0;
  const expected = release.class_size ?? size;
  if (!expected) return own.coverageOnly(sharing);
  return isCrowded(release, size) ? own.coverageMore(sharing, expected) : own.coverage(sharing, expected);
}

/** More seats than students: a code says nothing of who joins, so one person may have several. */
export function isCrowded(release: Release | null, size: number | null): boolean {
  const expected = release?.class_size ?? size;
  return Boolean(expected) && (release?.sharing ?? 0) > expected!;
}
