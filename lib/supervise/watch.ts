/** What is done with a service that is up: asked for its health, kept warm, and believed when it shows that it works. Spec: §6. */
import type { ServiceFact } from "../model/events.ts";
import type { Fault } from "../model/states.ts";
import type { Supervised } from "../services/supervised.ts";
import type { Clock } from "../sys/clock.ts";
import { KeepWarm } from "./keep_warm.ts";
import { CpuUse, watchLiveness } from "./liveness.ts";

export interface WatchOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Told of `checked`, `busy`, `unasked`, `cold` and `warmed_again`. */
  emit(fact: ServiceFact): void;
  /** Called before each look. */
  beforeLook(): void;
  /** A sign of work that others know of (GPU use), in words. */
  signOfWork(): string | null;
  /** Told at each look whether it is cold. */
  onWarmth(cold: boolean): void;
}

/** Resolves with the fault when it is found dead; rejects only with the signal's reason. */
export async function watchOver(service: Supervised, o: WatchOptions): Promise<Fault> {
  const { health, warmup } = service.plan;
  const { clock, signal, emit } = o;
  const warmth = new KeepWarm(service, { clock, required: warmup.required, emit });
  const cpu = health.busy.cpu ? new CpuUse(clock, () => service.copy?.cpuTicks() ?? 0) : null;
  return await watchLiveness({
    async checkHealth(signal) {
      o.beforeLook();
      cpu?.begin();
      const began = clock.now();
      const result = await service.checkHealth(signal);
      emit({ fact: "checked", ms: clock.now() - began, result: result.state });
      if (result.state !== "ready") return result;
      const kept = await warmth.check(signal);
      o.onWarmth(warmth.cold);
      // What it did before it answered is no sign of work afterwards.
      cpu?.forget();
      return kept;
    },
    signOfWork(since) {
      const { copy } = service;
      if (copy?.watchdogAt && copy.watchdogAt > since) return "WATCHDOG=1 received";
      if (copy && copy.inFlight > 0) return `${copy.inFlight} in flight, as it reported`;
      return o.signOfWork() ?? (cpu?.advances() ? "its CPU time advances" : null);
    },
  }, {
    health,
    clock,
    signal,
    onBusy: (why) => emit({ fact: "busy", why }),
    onUnasked: (why) => emit({ fact: "unasked", why }),
  });
}
