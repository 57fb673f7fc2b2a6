/** Ready when the service sent READY=1 to its NOTIFY_SOCKET. Push: nobody polls. Spec: §6; CONTRACT §2. */
import type { ProbeSpec } from "../model/plan.ts";
import { type ProbeDeps, ready, waiting } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type NotifySpec = Extract<ProbeSpec, { type: "notify" }>;

export function create(_spec: NotifySpec, target: ProbeTarget, _deps: ProbeDeps): Probe {
  return {
    description: "notify READY=1",
    onReady: (fn) => target.onNotifyReady(fn),
    async check({ signal }) {
      signal.throwIfAborted();
      return target.notifiedReady ? ready("READY=1") : waiting("no READY=1 yet");
    },
    [Symbol.dispose]() {},
  };
}
