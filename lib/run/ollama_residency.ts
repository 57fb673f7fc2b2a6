/** Where a service's model is, as its Ollama says: the memory belongs to Ollama's own processes. Spec: §5; CONTRACT §4. */
import { reasonOf } from "../errors.ts";
import { judgeOllama, type Residency } from "../gpu/mod.ts";
import { ollamaOrigin } from "../plan/ollama_address.ts";
import type { ServicePlan } from "../plan/types.ts";
import { ollamaResident } from "../protocols/ollama.ts";
import { type Clock, isAbort } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";

const askMs = 1000;

/** Null if it is no Ollama service with a known model. Rejects only with the signal's reason. */
export async function ollamaResidency(
  plan: ServicePlan,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Residency | null> {
  const { server, model } = plan.engine;
  if (server !== "ollama" || model === null) return null;
  try {
    const loaded = await ollamaResident(originOf(plan), { clock, signal, timeoutMs: askMs });
    if (loaded) return judgeOllama(model, loaded);
    return { verdict: "unknown", message: `${originOf(plan)}/api/ps does not answer as Ollama's` };
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) throw error;
    return { verdict: "unknown", message: `Ollama cannot be asked: ${reasonOf(error)}` };
  }
}

function originOf(plan: ServicePlan): string {
  if (plan.warmup.kind === "ollama") return plan.warmup.url;
  const probe = plan.readiness.find((probe) => probe.type === "ollama");
  return probe ? new URL(probe.url).origin : ollamaOrigin(plan.env, environment());
}
