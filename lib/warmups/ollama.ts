/**
 * A few tokens from Ollama, which loads the model for good and with production's context, and then a look at where it
 * lies. Spec: §9; CONTRACT §4.
 */
import { ollamaError, ollamaGenerate, ollamaResident, sameModel } from "../protocols/ollama.ts";
import { HttpError } from "../sys/net/http.ts";
import type { WarmupSpec } from "../model/plan.ts";
import { failed, refusal, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type OllamaSpec = Extract<WarmupSpec, { kind: "ollama" }>;

const bytesPerMiB = 1 << 20;
/** A list of what is in memory takes no time; it is not worth more. */
const residencyMs = 2000;

export async function run(spec: OllamaSpec, context: RunContext): Promise<WarmupResult> {
  const { model } = spec;
  if (model === null) {
    return {
      state: "not_offered",
      detail: "no model is configured, so there is nothing to load",
      hint: "name it: `model: llama3` on the service",
    };
  }
  let answer;
  try {
    answer = await ollamaGenerate(spec.url, { model, tokens: spec.tokens, numCtx: spec.numCtx }, context);
  } catch (error) {
    if (error instanceof HttpError && (error.kind === "refused" || error.kind === "unreachable")) {
      return {
        state: "not_offered",
        detail: `nothing listens on ${spec.url} (${error.message})`,
        hint: "set OLLAMA_HOST, or `warmup: { kind: ollama, url: … }`, to where Ollama listens",
      };
    }
    throw error;
  }
  const error = ollamaError(answer);
  // Ollama says 404 for a model that is not there, too. That is its answer to a request it does know.
  if (answer.status === 404 && error !== null && /model/i.test(error)) {
    return failed(`Ollama: ${error.slice(0, 200)} (\`ollama pull ${model}\`)`);
  }
  const hint = "is this address Ollama's? `warmup: { kind: none }` silences this";
  const refused = refusal(answer, "POST /api/generate", hint);
  if (refused) return refused;
  if (error !== null) return failed(`Ollama: ${error.slice(0, 200)}`);
  const tokens = spec.tokens === 1 ? "1 token" : `${spec.tokens} tokens`;
  return {
    state: "warmed",
    ms: answer.ms,
    detail: `${tokens}, ${await residency(spec.url, model, context)}`,
  };
}

/** Where the model lies, in words. Not knowing it is no failure: the tokens came. */
async function residency(url: string, model: string, context: RunContext): Promise<string> {
  const timeoutMs = Math.min(residencyMs, context.timeoutMs);
  const resident = await ollamaResident(url, { ...context, timeoutMs }).catch((error) => {
    context.signal.throwIfAborted();
    if (error instanceof HttpError) return null;
    throw error;
  });
  const entry = resident?.find(({ name }) => sameModel(model, name));
  if (!resident) return "residency unknown";
  if (!entry) return "but it is not in memory any more";
  const [size, onGpu] = [mib(entry.size), mib(entry.sizeVram)];
  if (entry.sizeVram === 0) return `${size} MiB in main memory, none on the GPU`;
  return entry.sizeVram >= entry.size ? `${size} MiB on the GPU` : `${onGpu} of ${size} MiB on the GPU`;
}

function mib(bytes: number): number {
  return Math.round(bytes / bytesPerMiB);
}
