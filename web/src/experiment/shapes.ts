// The shapes of the study's API (classmood.server.study.replies, happenings).

import type { LegalText, Receipt } from "../api.ts";
import type { ClassName } from "../emotions.ts";

export type State = "invited" | "consented" | "running" | "stopping" | "stopped" | "finished";
export type Recording = "none" | "features" | "video";

export interface ComeIn {
  state: State;
  name: string;
  title: string;
  minutes: number;
  language: string;
  recording: Recording;
  minors: boolean;
  operator: string;
  contact: string;
  unpleasant: boolean;
  papers: LegalText[];
  ticket: string;
  token: string;
  records: boolean;
}

export interface Decision {
  token: string;
  records: boolean;
  receipts: Receipt[];
}

export type StimulusKind = "text" | "image" | "audio" | "video" | "web" | "teacher";

export interface Stimulus {
  kind: StimulusKind;
  text: string | null;
  address: string | null;
  alt: string | null;
}

export type PageKind = "sam" | "sam-again" | "emotion" | "aspects" | "score";

export interface Page {
  kind: PageKind;
  ask: string;
  task: string | null;
  answers: string[] | null;
}

export type StepKind = "baseline" | "class" | "rest" | "stimulus" | "page" | "debrief" | "repair";

export interface Step {
  number: number;
  kind: StepKind;
  duration_s: number;
  records: boolean;
  stimulus: Stimulus | null;
  page: Page | null;
}

export interface Begun {
  attempt: number;
  step: number;
  elapsed_s: number;
  calm: boolean;
}

export interface ClockReply {
  received_s: number;
  replied_s: number;
  attempt: number;
  state: State;
}

export interface Kept {
  attempt: number;
  step: number;
  part: number;
  sha256: string;
}

export const SAM = ["valence", "arousal", "dominance"] as const;
export type Dimension = (typeof SAM)[number];
export const ASPECTS = [
  "enthusiasm",
  "classroom_cooperation",
  "duration",
  "task_completion",
  "knowledge_expansion",
  "skill_level",
] as const;
export const POINTS = 9;

/** What a page was answered; what was not said is not there. */
export type Answers = Record<string, number | ClassName>;

/** Which answers a page asks for. */
export function asked(kind: PageKind): readonly string[] {
  if (kind === "sam") return SAM;
  if (kind === "sam-again") return ["valence_again", "arousal_again"];
  if (kind === "emotion") return ["emotion", "intensity"];
  if (kind === "aspects") return ASPECTS.map((name) => `aspect_${name}`);
  return ["choice"];
}

export interface StudyEvent {
  attempt: number;
  sequence: number;
  step: number;
  time_ms: number;
  kind: string;
  [detail: string]: unknown;
}

export interface Part {
  attempt: number;
  step: number;
  part: number;
  sha256: string;
  content: ArrayBuffer;
}
