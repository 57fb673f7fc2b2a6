/**
 * Is a service that is up still alive? Spec: §6; CONTRACT §1, §2.
 *
 * A check that is answered wrongly or refused counts as a failure. One that is not answered in time counts only if the
 * service does not demonstrably work: busy is not dead. Busy has a limit of its own, since a service that is busy for
 * ever answers nobody either. A check that we could not make at all counts neither way.
 */
import type { Fault } from "../model/states.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { ProbeResult } from "../probes/mod.ts";
import type { Clock } from "../sys/clock.ts";

/** What liveness asks of a service. */
export interface Watched {
  checkHealth(signal: AbortSignal): Promise<ProbeResult>;
  /** Signs of work since `since` (monotonic ms), in words; null when there are none. */
  signOfWork(since: number): string | null;
}

export interface LivenessOptions {
  health: ServicePlan["health"];
  clock: Clock;
  signal: AbortSignal;
  /** Told when a timeout is taken as "busy" for the first time in a row. */
  onBusy(detail: string): void;
  /** Told when it could not be asked, at most once a minute. */
  onUnasked(detail: string): void;
}

const tellUnaskedEveryMs = 60_000;
/** A tick is 10 ms of CPU time: who uses less than half a percent of a core only waits. */
const workingTicksPerMs = 1 / 2000;

/** Whether CPU time advances as it does with work, from one look to the next. */
export class CpuUse {
  #clock: Clock;
  #read: () => number;
  #ticks = 0;
  #at: number | null = null;

  constructor(clock: Clock, read: () => number) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Before a question: what is used from now on counts, unless an earlier question went unanswered. */
  begin(): void {
    if (this.#at === null) this.forget();
  }

  /** What was used until now is no sign of work any more. */
  forget(): void {
    this.#ticks = this.#read();
    this.#at = this.#clock.now();
  }

  advances(): boolean {
    const [ticks, at] = [this.#ticks, this.#at ?? this.#clock.now()];
    this.forget();
    return this.#ticks - ticks > (this.#at! - at) * workingTicksPerMs;
  }
}

/** Resolves with the fault when it is found dead; rejects only with the signal's reason. */
export async function watchLiveness(service: Watched, o: LivenessOptions): Promise<Fault> {
  const { health, clock, signal } = o;
  let failures = 0;
  let busySince: number | null = null;
  let lastAnswer = clock.now();
  let unaskedToldAt = -Infinity;
  for (;;) {
    await clock.sleep(health.intervalMs, signal);
    const result = await service.checkHealth(signal);
    signal.throwIfAborted();
    if (result.state === "unasked") { // no word about the service: nothing begins, and nothing is over
      if (clock.now() - unaskedToldAt >= tellUnaskedEveryMs) {
        unaskedToldAt = clock.now();
        o.onUnasked(result.detail);
      }
      continue;
    }
    if (result.state === "ready") {
      failures = 0;
      busySince = null;
      lastAnswer = clock.now();
      continue;
    }
    const work = result.state === "timeout" ? service.signOfWork(lastAnswer) : null;
    if (work) {
      if (busySince === null) o.onBusy(work);
      busySince ??= clock.now();
      if (clock.now() - busySince < health.busy.limitMs) continue;
    }
    if (++failures >= health.failures || (busySince !== null && work)) {
      const detail = work
        ? `busy (${work}) for ${Math.round((clock.now() - busySince!) / 1000)} s`
        : result.detail;
      return { kind: "unhealthy", failures, detail };
    }
  }
}
