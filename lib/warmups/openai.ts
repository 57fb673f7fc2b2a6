/** A few tokens, a short spoken text or a transcript from an OpenAI-style server. Spec: §9; CONTRACT §4. */
import {
  openaiChat,
  openaiCompletion,
  openaiFirstModel,
  openaiSpeech,
  openaiTranscription,
} from "../protocols/openai.ts";
import { HttpError } from "../sys/net/http.ts";
import type { WarmupSpec } from "../model/plan.ts";
import { audioClip, wavOf } from "./clip.ts";
import { inSeconds, isUnknownRequest, refusal, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type OpenaiSpec = Extract<WarmupSpec, { kind: "openai" }>;

const hint = "set `warmup: { kind: openai, url: …, model: … }`, or `warmup: { kind: none }`";

export async function run(spec: OpenaiSpec, context: RunContext): Promise<WarmupResult> {
  const { url } = spec;
  const model = spec.model ?? await listedModel(url, context);
  switch (spec.api) {
    case "completions":
    case "chat":
      return await someTokens(spec, model, context);
    case "speech": {
      const answer = await openaiSpeech(url, { model, voice: spec.voice, text: spec.text }, context);
      return refusal(answer, "POST /v1/audio/speech", hint) ??
        { state: "warmed", ms: answer.ms, detail: `${answer.bytes} bytes of audio` };
    }
    case "transcriptions": {
      const wav = wavOf(audioClip(spec.audio, spec.audioMs));
      const answer = await openaiTranscription(url, { model, wav }, context);
      return refusal(answer, "POST /v1/audio/transcriptions", hint) ??
        { state: "warmed", ms: answer.ms, detail: `${inSeconds(spec.audioMs)} of ${spec.audio}` };
    }
  }
}

/** Servers of chat models alone do not know completions, or refuse them for such a model. */
async function someTokens(
  { url, api, tokens }: Extract<OpenaiSpec, { api: "completions" | "chat" }>,
  model: string | null,
  context: RunContext,
): Promise<WarmupResult> {
  const detail = tokens === 1 ? "1 token" : `${tokens} tokens`;
  let refused: WarmupResult | null = null;
  if (api === "completions") {
    const answer = await openaiCompletion(url, { model, tokens }, context);
    refused = refusal(answer, "POST /v1/completions", hint);
    if (refused === null) return { state: "warmed", ms: answer.ms, detail };
    if (answer.status !== 400 && !isUnknownRequest(answer)) return refused;
  }
  const answer = await openaiChat(url, { model, tokens }, context);
  if (refused !== null && isUnknownRequest(answer)) return refused;
  return refusal(answer, "POST /v1/chat/completions", hint) ?? { state: "warmed", ms: answer.ms, detail };
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
