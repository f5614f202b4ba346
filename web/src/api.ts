// Calls of /api/v1 and the shapes of its answers (classmood.server.answers).

export interface Deployment {
  profile: string;
  stated: boolean;
  camera: { allowed: boolean; why: string[]; offered: string | null };
  teacher_sees_live: boolean;
  operator: string;
  contact: string;
  school: string;
  minors: boolean;
  k: number;
  interval_s: number;
}

export interface LegalText {
  name: string;
  version: string;
  markdown: string;
}

export interface JoinedSession {
  opened: string;
  class_size: number | null;
}

export interface Joined {
  ticket: string;
  session: JoinedSession;
  camera_allowed: boolean;
  minors: boolean;
}

export type Mode = "camera" | "press";

export interface Receipt {
  id: string;
  document: string;
  version: string;
  given: string;
  withdrawn?: string | null;
}

export interface Mine {
  session: JoinedSession;
  mode: Mode;
  receipts: Receipt[];
  rows: { time_s: number; row: Record<string, unknown> }[];
}

export interface Session {
  id: string;
  profile: string;
  opened: string;
  closed: string | null;
  keep_until: string;
  class_size: number | null;
  teacher_sees_live: boolean;
  code: string | null;
  join_url: string | null;
  time_s: number | null;
  quiet: boolean | null;
}

export interface Release {
  number: number;
  time_s: number;
  sharing?: number | null;
  class_size?: number | null;
  shares?: Record<string, number>;
  others?: number | null;
  half_width?: number | null;
  valence?: number | null;
  arousal?: number | null;
  dominance?: number | null;
  covariance?: [number, number, number] | null;
  intensity?: number | null;
  confused?: number | null;
  slower?: number | null;
  faster?: number | null;
  /** By how much something has just risen beyond the noise, as shares. */
  rises?: Record<string, number>;
}

export const MARK_KINDS = ["slide", "question", "break", "text"] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

export interface Mark {
  number: number;
  time_s: number;
  kind: MarkKind;
  label: string;
}

export type Usefulness = "useful" | "not useful";

export interface Nudge {
  number: number;
  time_s: number;
  text: string;
  action: string;
  usefulness?: Usefulness | null;
}

/** What the server refused, or "network" where it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

const BASE = "/api/v1";

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  token?: string | undefined;
}

/** One call; null where the answer has no body. */
export async function call<T>(path: string, { method = "GET", body, token }: Call = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  const init: RequestInit = { method, headers, cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(BASE + path, init);
    text = await answer.text();
  } catch {
    throw new ApiError(0, "network", "");
  }
  const found = parsed(text);
  if (!answer.ok) {
    const error = (found as { error?: { reason?: string; message?: string } } | null)?.error;
    throw new ApiError(answer.status, error?.reason ?? "unknown", error?.message ?? "");
  }
  return found as T;
}

/** The address of a socket on this origin. */
export function socketAddress(path: string): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${BASE}${path}`;
}

function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
