/** A completion of a few tokens, or a short spoken text, from an OpenAI-style server. Spec: §9; CONTRACT §4. */
import { openaiCompletion, openaiFirstModel, openaiSpeech } from "../protocols/openai.ts";
import { HttpError } from "../sys/http.ts";
import type { WarmupSpec } from "../plan/types.ts";
import { refusal, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type OpenaiSpec = Extract<WarmupSpec, { kind: "openai" }>;

/** About half a second of speech. */
const spokenText = "Ready.";

export async function run(spec: OpenaiSpec, context: RunContext): Promise<WarmupResult> {
  const model = spec.model ?? await listedModel(spec.url, context);
  const hint = "set `warmup: { kind: openai, url: …, model: … }`, or `warmup: { kind: none }`";
  if (spec.api === "speech") {
    const answer = await openaiSpeech(spec.url, { model, voice: spec.voice, text: spokenText }, context);
    return refusal(answer, "POST /v1/audio/speech", hint) ??
      { state: "warmed", ms: answer.ms, detail: `${answer.bytes} bytes of audio` };
  }
  const answer = await openaiCompletion(spec.url, { model, tokens: spec.tokens }, context);
  const tokens = spec.tokens === 1 ? "1 token" : `${spec.tokens} tokens`;
  return refusal(answer, "POST /v1/completions", hint) ?? { state: "warmed", ms: answer.ms, detail: tokens };
}

/** A server that keeps no list still gets its request, without a model. */
async function listedModel(url: string, context: RunContext): Promise<string | null> {
  try {
    return await openaiFirstModel(url, context);
  } catch (error) {
    if (error instanceof HttpError && error.kind === "garbage") return null;
    throw error;
  }
}
