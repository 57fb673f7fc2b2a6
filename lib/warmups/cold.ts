/**
 * Is what was warmed still in memory? An Ollama unloads its models, a llama-server goes to sleep, and both go on to answer
 * whoever asks for their health. Spec: §6, §9; CONTRACT §4.
 */
import type { WarmupSpec } from "../model/plan.ts";
import { type AskOptions, ollamaResident, sameModel } from "../protocols/ollama.ts";
import { llamaServerSleeps } from "../protocols/openai.ts";
import { HttpError } from "../sys/net/http.ts";

/** Why it is cold, in words; null while it is warm, or where nobody can tell. Rejects only with the signal's reason. */
export type ColdCheck = (options: AskOptions) => Promise<string | null>;

export function coldCheck(spec: WarmupSpec): ColdCheck | null {
  const ask = questionOf(spec);
  return ask && (async (options) => {
    try {
      return await ask(options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof HttpError) return null; // whether it answers is the health check's business
      throw error;
    }
  });
}

function questionOf(spec: WarmupSpec): ColdCheck | null {
  if (spec.kind === "ollama" && spec.model !== null) {
    const { url, model } = spec;
    return async (options) => {
      const resident = await ollamaResident(url, options);
      if (resident === null || resident.some(({ name }) => sameModel(model, name))) return null;
      return `Ollama has unloaded ${model}`;
    };
  }
  if (spec.kind === "openai" && (spec.api === "completions" || spec.api === "chat")) {
    let tells = true; // servers of other makes are asked once
    return async (options) => {
      const sleeps = tells ? await llamaServerSleeps(spec.url, options) : null;
      tells = sleeps !== null;
      return sleeps ? "The server sleeps, its model unloaded" : null;
    };
  }
  return null;
}
