/**
 * Is what was warmed still in memory? An Ollama unloads its models, a llama-server goes to sleep, and both go on to answer
 * whoever asks for their health. Spec: §6, §9; CONTRACT §4.
 */
import type { AskOptions } from "../protocols/ollama.ts";
import { HttpError } from "../sys/net/http.ts";

/** Why it is cold, in words; null while it is warm, or where nobody can tell. Rejects only with the signal's reason. */
export type ColdCheck = (options: AskOptions) => Promise<string | null>;

/** A kind's question, for which a server that does not answer tells nothing: that is the health check's business. */
export function forgiving(ask: ColdCheck): ColdCheck {
  return async (options) => {
    try {
      return await ask(options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof HttpError) return null;
      throw error;
    }
  };
}
