/** One start's wait for readiness: its limit, its progress, and what is told of it meanwhile. Spec: §6; CONTRACT §2. */
import type { ServiceFact } from "../model/events.ts";
import type { Fault } from "../model/states.ts";
import type { Supervised } from "../services/supervised.ts";
import { type Clock, every } from "../sys/clock.ts";
import { ExtendableDeadline } from "./deadline.ts";

export interface ReadinessOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Its start, monotonic ms. */
  since: number;
  pollMaxMs: number;
  /** When history says it will be ready after its start, ms. */
  expectedReadyMs: number | null;
  /** Told of `waiting` and `wrong`. */
  emit(fact: ServiceFact): void;
  /** Told why it does not get ready; the wait goes on until `signal` is aborted. */
  fail(fault: Fault): void;
}

const progressEveryMs = 10_000;

/** True once it is ready; false when `fail` was told, or its end is about to be. Rejects only with the signal's reason. */
export async function awaitReadiness(service: Supervised, o: ReadinessOptions): Promise<boolean> {
  const { clock, signal } = o;
  const { value, progressing } = service.plan.readyTimeout;
  let waitingFor: string | null = null, toldWrong = false;
  using limit = new ExtendableDeadline(clock, value, progressing);
  limit.onExpired(() =>
    o.fail({
      kind: "not_ready",
      timeoutMs: limit.limitMs,
      detail: waitingFor ?? "not asked yet",
      lastLines: service.lastLines(3),
    })
  );
  using _extend = service.copy?.onExtend((ms) => limit.extend(ms));
  using _progress = every(clock, progressEveryMs, () =>
    o.emit({
      fact: "waiting",
      waitedMs: clock.now() - o.since,
      limitMs: limit.limitMs,
      missing: waitingFor,
      lastOutput: service.copy?.statusText ?? service.lastLines(1)[0] ?? null,
    }));
  const result = await service.awaitReady({
    signal,
    pollMaxMs: o.pollMaxMs,
    expectedMs: o.expectedReadyMs,
    onProgress: () => limit.progress(),
    onWaiting: (detail) => waitingFor = detail,
    onWrong: (detail) => {
      o.emit({ fact: "wrong", detail, again: toldWrong });
      toldWrong ||= detail !== null;
    },
  });
  if (result.state === "wrong") {
    o.fail({ kind: "wrong", detail: result.detail, lastLines: service.lastLines(3) });
    return false;
  }
  // What answered has left its leader behind: its end is about to be told, and says more.
  return service.copy?.running !== false;
}
