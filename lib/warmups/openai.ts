/** A few tokens, a short spoken text or a transcript from an OpenAI-style server. Spec: §9; CONTRACT §4. */
import type { AskOptions } from "../protocols/ollama.ts";
import type { Role } from "../model/plan.ts";
import {
  llamaServerSleeps,
  openaiChat,
  openaiCompletion,
  openaiModels,
  openaiSpeech,
  openaiTranscription,
  speachesLoaded,
} from "../protocols/openai.ts";
import { HttpError, type HttpResponse } from "../sys/net/http.ts";
import { audioClip, wavOf } from "./clip.ts";
import {
  audio,
  audioMs,
  isAskedBy,
  language,
  languageOf,
  needed,
  nothing,
  spokenText,
  tokens,
  tokensText,
  usualAudioMs,
  usualText,
  usualTokens,
  type WarmupContext,
  warmupKind,
} from "./kind.ts";
import {
  failed,
  inSeconds,
  isUnknownRequest,
  onceLoaded,
  quoted,
  refusal,
  type RunContext,
} from "./results.ts";
import type { WarmupResult } from "./types.ts";

/** What the server is asked for. `completions`: where there are none, `chat`. */
type Request =
  | { api: "completions" | "chat"; tokens: number }
  | { api: "speech"; voice: string | null; text: string }
  | { api: "transcriptions"; audio: "speech" | "silence"; audioMs: number; language?: string };
type OpenaiSpec = { kind: string; url: string; model: string | null } & Request;

interface RequestWishes {
  api?: Request["api"] | undefined;
  tokens?: number | undefined;
  voice?: string | undefined;
  text?: string | undefined;
  audio?: "speech" | "silence" | undefined;
  audio_ms?: number | undefined;
  language?: string | undefined;
}

const hint = "set `warmup: { kind: openai, url: …, model: … }`, or `warmup: { kind: none }`";

export const openai = warmupKind({
  kind: "openai",
  schema: (shapes, common) => {
    const { z, text } = shapes;
    return z.strictObject({
      kind: z.literal("openai").describe("One request to an OpenAI-compatible server"),
      ...common,
      url: text().optional().describe(
        "The server's base address, without `/v1/…`; the readiness URL's when left out",
      ),
      api: z.enum(["completions", "chat", "speech", "transcriptions"]).optional().describe(
        "Which endpoint; by role when left out (`completions`, and where the server has none, `chat`)",
      ),
      model: text(255).optional().describe("Model; the service's `model` when left out"),
      tokens: tokens(shapes),
      voice: text(255).optional().describe("Voice for `speech`; `default_voice` when left out"),
      text: spokenText(shapes),
      audio: audio(shapes),
      audio_ms: audioMs(shapes),
      language: language(shapes),
    });
  },
  rules({ url }, service, found) {
    if (url === undefined && !isAskedBy(service, "http")) needed("url", "`url`", service, found);
  },
  plan(wishes, context) {
    const { name, service, origin } = context;
    const url = wishes.url ?? origin;
    if (url === null) {
      const how = `set services.${name}.warmup: { kind: openai, url: … }`;
      return nothing(`nothing says where to send it: ${how}`, true);
    }
    const spec: OpenaiSpec = {
      kind: "openai",
      url: url.replace(/\/+$/, ""),
      model: wishes.model ?? service.model ?? null,
      ...requestOf(context, wishes),
    };
    return spec;
  },
  describe: (spec) =>
    `openai ${spec.url} ${spec.api}${spec.model === null ? "" : ` ${spec.model}`}${
      "tokens" in spec
        ? `, ${tokensText(spec.tokens)}`
        : "audio" in spec
        ? `, ${spec.audioMs} ms of ${spec.audio}`
        : ""
    }`,
  where: ({ url }) => url,
  engine: (spec) =>
    spec.api === "speech" || spec.api === "transcriptions"
      ? {
        speaks: "openai",
        url: spec.url,
        model: spec.model,
        voice: "voice" in spec ? spec.voice : null,
        language: "language" in spec ? spec.language ?? null : null,
      }
      : null,
  async run(spec, context) {
    const { url } = spec;
    const listed = spec.model === null ? await modelsOf(url, context) : null;
    const model = spec.model ?? listed?.[0] ?? null;
    switch (spec.api) {
      case "completions":
      case "chat":
        return await someTokens(spec, model, context);
      case "speech": {
        const { voice, text } = spec;
        const answer = await onceLoaded(() => openaiSpeech(url, { model, voice, text }, context), context);
        const refused = await refusalOf(answer, "POST /v1/audio/speech", { url, model }, context);
        if (refused) return refused;
        if (answer.bytes === 0) return failed("the synthesis gave no sound");
        return { state: "warmed", ms: answer.ms, detail: `${answer.bytes} bytes of audio` };
      }
      case "transcriptions": {
        const wav = wavOf(audioClip(spec.audio, spec.audioMs));
        const { language } = spec;
        const ask = () => openaiTranscription(url, { model, wav, language }, context);
        const answer = await onceLoaded(ask, context);
        return await refusalOf(answer, "POST /v1/audio/transcriptions", { url, model }, context) ??
          { state: "warmed", ms: answer.ms, detail: `${inSeconds(spec.audioMs)} of ${spec.audio}` };
      }
    }
  },
  coldCheck({ url, api, model }) {
    const asks = [
      // A llama-server.
      async (options: AskOptions) => {
        const sleeps = api.startsWith("c") ? await llamaServerSleeps(url, options) : null;
        return sleeps === null ? null : sleeps && "The server sleeps, its model unloaded";
      },
      // A Speaches.
      async (options: AskOptions) => {
        const loaded = model === null ? null : await speachesLoaded(url, options);
        return loaded === null ? null : !loaded.includes(model!) && `The server has unloaded ${model}`;
      },
    ];
    let tells: typeof asks | null = null; // servers of other makes are asked once
    return async (options) => {
      for (const ask of tells ?? asks) {
        const answer = await ask(options);
        if (answer === null) continue;
        tells = [ask];
        return answer || null;
      }
      tells = [];
      return null;
    };
  },
});

const usualApi: Partial<Record<Role, Request["api"]>> = { stt: "transcriptions", tts: "speech" };

function requestOf({ role, service }: WarmupContext, wishes: RequestWishes): Request {
  const api = wishes.api ?? usualApi[role] ?? "completions";
  switch (api) {
    case "completions":
    case "chat":
      return { api, tokens: wishes.tokens ?? (service.warmup_token || usualTokens) };
    case "speech":
      return { api, voice: wishes.voice ?? service.default_voice ?? null, text: wishes.text ?? usualText };
    case "transcriptions": {
      const audioMs = wishes.audio_ms ?? (service.warmup_encoder_ms || usualAudioMs);
      const language = wishes.language ?? languageOf(service);
      return { api, audio: wishes.audio ?? "speech", audioMs, ...(language ? { language } : {}) };
    }
  }
}

/** Servers of chat models alone do not know completions, or refuse them for such a model. */
async function someTokens(
  { url, api, tokens }: { url: string; api: string; tokens: number },
  model: string | null,
  context: RunContext,
): Promise<WarmupResult> {
  const detail = tokensText(tokens);
  let refused: WarmupResult | null = null;
  if (api === "completions") {
    const answer = await onceLoaded(() => openaiCompletion(url, { model, tokens }, context), context);
    refused = await refusalOf(answer, "POST /v1/completions", { url, model }, context);
    if (refused === null) return { state: "warmed", ms: answer.ms, detail };
    if (answer.status !== 400 && refused.state !== "not_offered") return refused;
  }
  const answer = await onceLoaded(() => openaiChat(url, { model, tokens }, context), context);
  if (refused !== null && isUnknownRequest(answer)) return refused;
  return await refusalOf(answer, "POST /v1/chat/completions", { url, model }, context) ??
    { state: "warmed", ms: answer.ms, detail };
}

/** A server that knows the request, but not the model, says 404 too. */
async function refusalOf(
  answer: HttpResponse,
  what: string,
  { url, model }: { url: string; model: string | null },
  context: RunContext,
): Promise<WarmupResult | null> {
  if (answer.status !== 404 || model === null || !/model/i.test(answer.text)) {
    return refusal(answer, what, hint);
  }
  const there = (await modelsOf(url, context))?.slice(0, 8).map((name) => name.slice(0, 60)).join(", ");
  return failed(
    `the server has no model ${model}, so it can answer nothing: name one that it has${
      there ? ` (${there})` : ""
    } ` +
      `or fetch it first; it says${quoted(answer)}`,
  );
}

/** A server that keeps no list still gets its request, without a model. */
async function modelsOf(url: string, context: RunContext): Promise<string[] | null> {
  try {
    return await openaiModels(url, context);
  } catch (error) {
    if (error instanceof HttpError && error.kind === "garbage") return null;
    throw error;
  }
}
