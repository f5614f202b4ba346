// The researcher's side: the study, who takes part, how far they are.

import { ApiError, call } from "../api.ts";
import { said } from "../experiment/participant.svelte.ts";
import type { Recording, State } from "../experiment/shapes.ts";

const LOOK_MS = 4000;

export interface Invited {
  number: number;
  name: string;
  state: State;
  code: string;
  url: string;
  records: boolean;
  attempt: number;
  step: number;
  steps: number;
  events: number;
  recorded_bytes: number;
  heard: string | null;
}

export interface Study {
  name: string;
  title: string;
  version: number;
  course: string;
  minutes: number;
  scenarios: number;
  recording: Recording;
  order: string;
  protocol_sha256: string;
  registered: string;
  approval: string;
  expires: string | null;
  keep_days: number;
  problem: string;
  exports: string[];
  participants: Invited[];
}

export interface Erased {
  exports: string[];
  missing: string[];
  models: string[];
}

export class Researcher {
  study = $state.raw<Study | null>(null);
  locked = $state(false);
  error = $state("");
  busy = $state(false);
  erased = $state.raw<Erased | null>(null);

  watch(): () => void {
    const timer = setInterval(() => document.visibilityState === "visible" && void this.look(), LOOK_MS);
    void this.look();
    return () => clearInterval(timer);
  }

  async look(): Promise<void> {
    try {
      this.study = await call<Study>("/research/study");
      this.error = "";
      this.locked = false;
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 401) this.locked = true;
      else this.error = said(failure);
    }
  }

  /** The new participant, or null where the server refuses. */
  async invite(name: string): Promise<Invited | null> {
    this.busy = true;
    this.error = "";
    try {
      const invited = await call<Invited>("/research/participants", { method: "POST", body: name ? { name } : {} });
      await this.look();
      return invited;
    } catch (failure) {
      this.error = said(failure);
      return null;
    } finally {
      this.busy = false;
    }
  }

  async stop(number: number): Promise<void> {
    await this.#do(() => call(`/research/participants/${number}/stop`, { method: "POST" }));
  }

  async erase(number: number): Promise<void> {
    this.erased = null;
    await this.#do(async () => {
      this.erased = await call<Erased>(`/research/participants/${number}`, { method: "DELETE" });
    });
  }

  async #do(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      await this.look();
    } catch (failure) {
      this.error = said(failure);
    }
  }
}
