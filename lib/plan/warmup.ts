/** Which real inference warms which service. Spec: §9; CONTRACT §4. */
import { warmupAudioMs, warmupText, warmupTokens } from "../config/defaults.ts";
import type { ServiceConfig, WarmupConfig } from "../config/schema.ts";
import { ollamaOrigin } from "./ollama_address.ts";
import { resolveArgv } from "./paths.ts";
import type { PlanFacts } from "./facts.ts";
import { httpOrigin, readinessPort } from "./probes.ts";
import type {
  ControlSpec,
  OpenaiRequest,
  ProbeSpec,
  Role,
  WarmupSpec,
  WyomingRequest,
} from "../model/plan.ts";

/** What is known about the service when its warm-up is chosen. */
export interface WarmupContext {
  name: string;
  role: Role;
  service: ServiceConfig;
  readiness: readonly ProbeSpec[];
  control: ControlSpec;
  facts: PlanFacts;
}

type Common = { timeoutMs: number; runs: number; required: boolean };

/** The service's warm-up; `kind: "none"` says why there is none, and whether that deserves a WARNING. */
export function planWarmup(context: WarmupContext): WarmupSpec {
  const { service } = context;
  const configured = service.warmup;
  const common: Common = {
    timeoutMs: configured.timeout_sec * 1000,
    runs: configured.runs,
    required: configured.required,
  };
  switch (configured.kind) {
    case "none":
      return none(common, "switched off");
    case "exec":
      return { ...common, kind: "exec", cmd: resolveArgv(context.facts.configDir, configured.cmd) };
    case "http":
      return http(common, context, configured);
    case "wyoming":
      return wyoming(common, context, configured);
    case "ollama":
      return ollama(common, context, configured);
    case "openai":
      return openai(common, context, configured);
    case "auto":
      return auto(common, context, configured);
  }
}

function auto(
  common: Common,
  context: WarmupContext,
  wishes: Extract<WarmupConfig, { kind: "auto" }>,
): WarmupSpec {
  const { role, service, readiness } = context;
  if (role === "stt" && service.warmup_encoder_ms === 0) {
    return none(common, "switched off (warmup_encoder_ms: 0)");
  }
  if (role === "llm" && service.warmup_token === 0) return none(common, "switched off (warmup_token: 0)");
  if (role === "llm" && service.server === "ollama") return ollama(common, context, {});
  if (service.server === "openai" && speaksOpenai(role, readiness)) return openai(common, context, wishes);
  // A TTS with verbs of its own is asked by them.
  const maySpeakWyoming = role === "stt" || (role === "tts" && context.control.kind !== "http");
  if (maySpeakWyoming && readiness.some((probe) => probe.type === "tcp" || probe.type === "wyoming")) {
    return wyoming(common, context, { audio: wishes.audio, text: wishes.text });
  }
  return http(common, context, { text: wishes.text });
}

/** `server: openai` names the way where it leads somewhere; an STT or TTS without an HTTP address has others. */
function speaksOpenai(role: Role, readiness: readonly ProbeSpec[]): boolean {
  return role === "llm" || ((role === "stt" || role === "tts") && httpOrigin(readiness) !== null);
}

function none(common: Common, why: string, warn = false): WarmupSpec {
  return { ...common, kind: "none", why, warn };
}

function http(
  common: Common,
  { name, role, service, readiness, control }: WarmupContext,
  wishes: { url?: string; body?: Record<string, unknown>; text?: string },
): WarmupSpec {
  const origin = control.kind === "http" ? control.url : httpOrigin(readiness);
  const url = wishes.url ?? (origin && `${origin}/control/${role === "tts" ? "speak" : "warmup"}`);
  if (!url) {
    // Only the three that infer lose anything by it.
    const loses = role === "stt" || role === "llm" || role === "tts";
    return none(common, `no way to warm ${name} is known: name one with services.${name}.warmup`, loses);
  }
  const body = wishes.body ?? controlBody(role, service, wishes.text);
  return { ...common, kind: "http", url, body, verb: wishes.url === undefined };
}

/** What the control verbs of CONTRACT §5 are given. */
function controlBody(role: Role, service: ServiceConfig, text?: string): Record<string, unknown> {
  switch (role) {
    case "tts":
      return { text: text ?? warmupText, play: false };
    case "stt":
      return { audio_ms: service.warmup_encoder_ms || warmupAudioMs };
    case "llm":
      return { tokens: service.warmup_token || warmupTokens };
    default:
      return text === undefined ? {} : { text };
  }
}

function wyoming(
  common: Common,
  context: WarmupContext,
  wishes: WyomingWishes & { host?: string; port?: number },
): WarmupSpec {
  const { name, readiness } = context;
  const listening = readiness.filter((probe) => probe.type === "tcp" || probe.type === "wyoming");
  const target = readinessPort(listening);
  const port = wishes.port ?? target?.port;
  if (port === undefined) return none(common, `services.${name}.warmup has no port`, true);
  return {
    ...common,
    kind: "wyoming",
    host: wishes.host ?? target?.host ?? "127.0.0.1",
    port,
    ...wyomingRequest(context, wishes),
  };
}

type WyomingWishes = { audio: "speech" | "silence"; audio_ms?: number; voice?: string; text?: string };

function wyomingRequest({ role, service }: WarmupContext, wishes: WyomingWishes): WyomingRequest {
  return role === "tts"
    ? {
      ask: "synthesize",
      voice: wishes.voice ?? service.default_voice ?? null,
      text: wishes.text ?? warmupText,
    }
    : {
      ask: "transcribe",
      audio: wishes.audio,
      audioMs: wishes.audio_ms ?? (service.warmup_encoder_ms || warmupAudioMs),
    };
}

function ollama(
  common: Common,
  { name, service, readiness, facts }: WarmupContext,
  wishes: { url?: string; model?: string; tokens?: number; num_ctx?: number },
): WarmupSpec {
  const model = wishes.model ?? service.model;
  if (model === undefined) {
    return none(common, `Ollama needs the name of a model: set services.${name}.model`, true);
  }
  const asked = readiness.find((probe) => probe.type === "ollama");
  return {
    ...common,
    kind: "ollama",
    url: wishes.url?.replace(/\/+$/, "") ?? asked?.url ?? ollamaOrigin(service.env, facts.env),
    model,
    tokens: wishes.tokens ?? (service.warmup_token || warmupTokens),
    numCtx: wishes.num_ctx ?? service.kv_cache_tokens ?? null,
  };
}

type OpenaiWishes = Partial<Omit<Extract<WarmupConfig, { kind: "openai" }>, "kind">>;

function openai(common: Common, context: WarmupContext, wishes: OpenaiWishes): WarmupSpec {
  const { name, service, readiness } = context;
  const url = wishes.url ?? httpOrigin(readiness);
  if (url === null) {
    const how = `set services.${name}.warmup: { kind: openai, url: … }`;
    return none(common, `nothing says where to send it: ${how}`, true);
  }
  return {
    ...common,
    kind: "openai",
    url: url.replace(/\/+$/, ""),
    model: wishes.model ?? service.model ?? null,
    ...openaiRequest(context, wishes),
  };
}

const openaiApis: Partial<Record<Role, OpenaiRequest["api"]>> = { stt: "transcriptions", tts: "speech" };

function openaiRequest({ role, service }: WarmupContext, wishes: OpenaiWishes): OpenaiRequest {
  const api = wishes.api ?? openaiApis[role] ?? "completions";
  switch (api) {
    case "completions":
    case "chat":
      return { api, tokens: wishes.tokens ?? (service.warmup_token || warmupTokens) };
    case "speech":
      return { api, voice: wishes.voice ?? service.default_voice ?? null, text: wishes.text ?? warmupText };
    case "transcriptions": {
      const audioMs = wishes.audio_ms ?? (service.warmup_encoder_ms || warmupAudioMs);
      return { api, audio: wishes.audio ?? "speech", audioMs };
    }
  }
}
