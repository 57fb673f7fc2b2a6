/**
 * Keeps warm what is up: a server that has unloaded its model answers every health check, and the next question waits for
 * the load. Spec: §6, §9; CONTRACT §4.
 */
import { seconds } from "../text.ts";
import type { LogLevel } from "../log/mod.ts";
import type { ProbeResult } from "../probes/mod.ts";
import type { Clock } from "../sys/clock.ts";
import type { WarmupResult } from "../warmups/mod.ts";

export interface Warmable {
  /** Why it is cold, in words; null while it is warm, or where nobody can tell. */
  coldBecause(signal: AbortSignal): Promise<string | null>;
  warm(signal: AbortSignal): Promise<WarmupResult>;
}

export interface KeepWarmOptions {
  clock: Clock;
  /** A warm-up that fails is a failed health check. */
  required: boolean;
  say(level: LogLevel, message: string): void;
}

/** What is cold again and again has a reason, such as a model beside it that needs the memory: no tug-of-war, ms. */
const pauseMs = 60_000;

/** Of one copy, from up to its end. */
export class KeepWarm {
  #service: Warmable;
  #o: KeepWarmOptions;
  #told = false;
  #nextAt = -Infinity;
  #failure: string | null = null;
  #cold = false;

  constructor(service: Warmable, options: KeepWarmOptions) {
    this.#service = service;
    this.#o = options;
  }

  /** It was cold at the last look, and could not be warmed then. */
  get cold(): boolean {
    return this.#cold;
  }

  /** To be called when it is healthy: looks, and warms it again if it is cold. Rejects only with the signal's reason. */
  async check(signal: AbortSignal): Promise<ProbeResult> {
    const { clock, required } = this.#o;
    const why = await this.#service.coldBecause(signal);
    this.#cold = why !== null;
    if (why === null) this.#failure = null;
    else if (clock.now() >= this.#nextAt) {
      await this.#warm(why, signal);
      this.#nextAt = clock.now() + pauseMs;
    }
    return this.#failure !== null && required
      ? { state: "wrong", detail: `cold, and not to be warmed: ${this.#failure}` }
      : { state: "ready", detail: "" };
  }

  async #warm(why: string, signal: AbortSignal): Promise<void> {
    // Said once: it may be so every few minutes for days.
    const level = (usual: LogLevel): LogLevel => this.#told ? "DEBUG" : usual;
    this.#o.say(level("WARNING"), `${why}; warming it again`);
    const result = await this.#service.warm(signal);
    signal.throwIfAborted();
    this.#failure = result.state === "failed" ? result.detail : null;
    this.#cold = result.state !== "warmed";
    if (result.state === "warmed") {
      this.#o.say(level("INFO"), `Warmed again in ${seconds(result.ms)}`);
    } else {
      this.#o.say(level("WARNING"), `Could not be warmed again: ${result.detail}`);
    }
    this.#told = true;
  }
}
