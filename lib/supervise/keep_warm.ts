/**
 * Keeps warm what is up: a server that has unloaded its model answers every health check, and the next question waits for
 * the load. Spec: §6, §9; CONTRACT §4.
 */
import type { ServiceFact } from "../model/events.ts";
import type { WarmupResult } from "../model/reports.ts";
import type { ProbeResult } from "../probes/mod.ts";
import type { Clock } from "../sys/clock.ts";

export interface Warmable {
  /** Why it is cold, in words; null while it is warm, or where nobody can tell. */
  coldBecause(signal: AbortSignal): Promise<string | null>;
  warm(signal: AbortSignal): Promise<WarmupResult>;
}

export interface KeepWarmOptions {
  clock: Clock;
  /** A warm-up that fails is a failed health check. */
  required: boolean;
  /** Told of `cold` and `warmed_again`. */
  emit(fact: ServiceFact): void;
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
    const again = this.#told; // it may be so every few minutes for days
    this.#o.emit({ fact: "cold", why, again });
    const result = await this.#service.warm(signal);
    signal.throwIfAborted();
    this.#failure = result.state === "failed" ? result.detail : null;
    this.#cold = result.state !== "warmed";
    this.#o.emit({ fact: "warmed_again", result, again });
    this.#told = true;
  }
}
