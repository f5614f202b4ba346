// A reading in words for the student it is of: "resembling", and "not sure" is an answer.

import { CLASSES, classShares, type ClassName } from "../emotions.ts";
import type { Texts } from "../texts/index.ts";
import type { Recognised } from "./wire.ts";

const FAIRLY_SURE = 0.75;
const LIKELY = 0.5;

export interface OwnState {
  say: string;
  sure: string;
  emotion: ClassName | null;
}

export function ownState(found: Recognised | null, looked: boolean, words: Texts): OwnState {
  const own = words.student.own;
  if (!looked) return { say: own.starting, sure: "", emotion: null };
  if (!found?.face) return { say: own.noFace, sure: "", emotion: null };
  if (found.notSure) return { say: own.notSure, sure: own.notSureHint, emotion: null };
  const shares = classShares(found.p, found.labels);
  const emotion = CLASSES.reduce((best, name) => (shares[name] > shares[best] ? name : best));
  const say = emotion === "neutral" ? own.neutral : own.resembling(words.emotions[emotion]);
  const level = found.confidence >= FAIRLY_SURE ? "high" : found.confidence >= LIKELY ? "middle" : "low";
  return { say, sure: own.sure[level], emotion };
}
