/**
 * The defaults that hold only for some services, and so cannot be filled in by the schema, which shares them with
 * the plan. All other defaults are in `schema.ts`.
 */

/** Ready timeout (s) of a service that `loader.timeouts` does not name. */
export const otherReadySec = 60;
/** For one run of an exec probe while readiness is awaited, ms. */
export const execTimeoutMs = 5000;
/** Audio (ms) in an STT's warm-up. */
export const warmupAudioMs = 300;
/** Tokens in an LLM's warm-up. */
export const warmupTokens = 1;
/** What a TTS says, unheard, in its warm-up. */
export const warmupText = "Ready.";
