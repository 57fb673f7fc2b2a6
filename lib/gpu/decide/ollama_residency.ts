/** Where a service's model is, as its Ollama says: the memory belongs to Ollama's own processes. Spec: §5; CONTRACT §4. */
import { reasonOf } from "../../errors.ts";
import { judgeOllama, type Residency } from "../mod.ts";
import type { ServicePlan } from "../../model/plan.ts";
import { isOllama } from "../../probes/ollama.ts";
import { ollamaResident } from "../../protocols/ollama.ts";
import { type Clock, isAbort } from "../../sys/clock.ts";
import { isOllama as isOllamaWarmup } from "../../warmups/ollama.ts";

const askMs = 1000;

/** Null if it is no Ollama service with a known model. Rejects only with the signal's reason. */
export async function ollamaResidency(
  plan: ServicePlan,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Residency | null> {
  const { server, model } = plan.engine;
  if (server !== "ollama" || model === null) return null;
  const origin = originOf(plan);
  if (origin === null) return { verdict: "unknown", message: "nothing of it says where its Ollama is" };
  try {
    const loaded = await ollamaResident(origin, { clock, signal, timeoutMs: askMs, link: plan.link });
    if (loaded) return judgeOllama(model, loaded);
    return { verdict: "unknown", message: `${origin}/api/ps does not answer as Ollama's` };
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) throw error;
    return { verdict: "unknown", message: `Ollama cannot be asked: ${reasonOf(error)}` };
  }
}

/** From its warm-up (which is Ollama's own unless it is configured otherwise) or its readiness. */
function originOf(plan: ServicePlan): string | null {
  if (isOllamaWarmup(plan.warmup)) return plan.warmup.url;
  const probe = plan.readiness.find(isOllama);
  return probe ? new URL(probe.url).origin : null;
}
