/** The warm-up of one start: a real inference before the gate opens. Spec: §9; CONTRACT §4. */
import type { ServiceFact } from "../model/events.ts";
import type { Fault } from "../model/states.ts";
import type { Supervised } from "../services/supervised.ts";

export interface WarmedUp {
  /** An inference was due, and none was seen to work. */
  unproved: boolean;
  /** It failed, and is required. */
  fault: Fault | null;
}

/** `emit` is told of the stage and of what came of it. Rejects only with the signal's reason. */
export async function warmUp(
  service: Supervised,
  { signal, emit }: { signal: AbortSignal; emit(fact: ServiceFact): void },
): Promise<WarmedUp> {
  const { warmup } = service.plan;
  if (warmup.kind === "none") {
    const { why = "", warn = false } = warmup;
    if (warn) emit({ fact: "no_warmup", why });
    return { unproved: warn, fault: null };
  }
  emit({ fact: "stage_begun", stage: "warmup" });
  const result = await service.warm(signal);
  signal.throwIfAborted();
  emit({ fact: "stage_over", stage: "warmup" });
  emit({ fact: "warmup", result, required: warmup.required });
  const failed = result.state === "failed" && warmup.required;
  return {
    unproved: result.state !== "warmed",
    fault: failed ? { kind: "warmup_failed", detail: result.detail } : null,
  };
}
