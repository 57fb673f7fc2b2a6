/**
 * A few tokens from Ollama, which loads the model for good and with production's context, and then a look at where it
 * lies. Spec: §9; CONTRACT §4.
 */
import type { WarmupSpec } from "../model/plan.ts";
import {
  ollamaError,
  ollamaGenerate,
  ollamaResident,
  type ResidentModel,
  sameModel,
} from "../protocols/ollama.ts";
import { HttpError } from "../sys/net/http.ts";
import { nothing, tokens, tokensText, usualTokens, warmupKind } from "./kind.ts";
import { failed, refusal, type RunContext } from "./results.ts";

type OllamaSpec = { kind: string; url: string; model: string | null; tokens: number; numCtx: number | null };

const bytesPerMiB = 1 << 20;
/** A list of what is in memory takes no time; it is not worth more. */
const residencyMs = 2000;

export const ollama = warmupKind({
  kind: "ollama",
  schema: (shapes, common) => {
    const { z, text } = shapes;
    return z.strictObject({
      kind: z.literal("ollama").describe("One short generation, and the model stays in memory"),
      ...common,
      url: text().optional().describe("Ollama's address; `OLLAMA_HOST`, else port 11434, when left out"),
      model: text(255).optional().describe("Model; the service's `model` when left out"),
      tokens: tokens(shapes),
      num_ctx: z.int().min(1).max(16_777_216).optional().describe(
        "Context length; `kv_cache_tokens` when left out",
      ),
    });
  },
  rules(warmup, { name, path, raw }, found) {
    if (warmup.model !== undefined || raw.model !== undefined) return;
    found.errors.push({
      path: [...path, "warmup", "model"],
      at: "key",
      message: `services.${name}: Ollama cannot be warmed without the name of a model`,
      wanted: "`model`, in the service or in its warm-up",
    });
  },
  plan(wishes, { name, service, ollama, ollamaUrl }) {
    const model = wishes.model ?? service.model ?? ollama?.model ?? null;
    if (model === null) {
      return nothing(`Ollama needs the name of a model: set services.${name}.model`, true);
    }
    const spec: OllamaSpec = {
      kind: "ollama",
      url: wishes.url?.replace(/\/+$/, "") ?? ollamaUrl,
      model,
      tokens: wishes.tokens ?? (service.warmup_token || usualTokens),
      numCtx: wishes.num_ctx ?? service.kv_cache_tokens ?? null,
    };
    return spec;
  },
  describe: ({ url, model, tokens, numCtx }) =>
    `ollama ${url} ${model ?? "(no model)"}, ${tokensText(tokens)}${
      numCtx === null ? "" : `, context ${numCtx}`
    }`,
  where: ({ url }) => url,
  async run({ url, model, tokens, numCtx }, context) {
    if (model === null) {
      return {
        state: "not_offered",
        detail: "no model is configured, so there is nothing to load",
        hint: "name it: `model: llama3` on the service",
      };
    }
    let answer;
    try {
      answer = await ollamaGenerate(url, { model, tokens, numCtx }, context);
    } catch (error) {
      if (error instanceof HttpError && (error.kind === "refused" || error.kind === "unreachable")) {
        return {
          state: "not_offered",
          detail: `nothing listens on ${url} (${error.message})`,
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
    return {
      state: "warmed",
      ms: answer.ms,
      detail: `${tokensText(tokens)}, ${await residency(url, model, context)}`,
    };
  },
  coldCheck({ url, model, numCtx }) {
    if (model === null) return null;
    /** How it lay when it was looked at first, right after it was warmed. */
    let usual: ResidentModel | null = null;
    return async (options) => {
      const resident = await ollamaResident(url, options);
      if (resident === null) return null;
      const now = resident.find(({ name }) => sameModel(model, name));
      if (!now) return `Ollama has unloaded ${model}`;
      const before = usual ??= now;
      if (numCtx !== null && now.contextLength !== before.contextLength) {
        return `Somebody has made Ollama load ${model} with a context of ${now.contextLength} tokens instead of ${before.contextLength}`;
      }
      if (onGpu(now) > onGpu(before) - 0.05) return null;
      usual = now; // told once: to ask again does not move it back
      return `Ollama has loaded ${model} anew with ${percent(now)} of it on the GPU, it was ${
        percent(before)
      }`;
    };
  },
});

function onGpu({ size, sizeVram }: ResidentModel): number {
  return size > 0 ? Math.min(1, sizeVram / size) : 0;
}

function percent(model: ResidentModel): string {
  return `${Math.round(100 * onGpu(model))} %`;
}

/** For whoever wants to know which Ollama stands behind a service. */
export function isOllama(warmup: WarmupSpec): warmup is WarmupSpec & OllamaSpec {
  return warmup.kind === ollama.kind;
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
