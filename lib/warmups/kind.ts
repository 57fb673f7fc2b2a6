/**
 * What a kind of warm-up is: one file with its keys, its rules, its part of the plan, its words and its run. A new one is
 * such a file, and a line in `kinds.ts`. Spec: §9; CONTRACT §4.
 */
import type * as z from "zod";
import type { Role } from "../model/plan.ts";
import type { Engine } from "../model/engine.ts";
import type { RuleFindings, ServiceView } from "../model/written.ts";
import type { Shapes } from "../shapes.ts";
import type { ColdCheck } from "./cold.ts";
import type { RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

/** Audio (ms) in an STT's warm-up. */
export const usualAudioMs = 300;
/** Tokens in an LLM's warm-up. */
export const usualTokens = 1;
/** What a TTS says, unheard, in its warm-up. */
export const usualText = "Ready.";

/** The keys that all kinds have. */
export const commonKeys = ({ z, positiveSecond }: Shapes) => ({
  timeout_sec: positiveSecond().default(60).describe("How long the warm-up may take"),
  runs: z.int().min(1).max(100).default(1).describe("How many times it is run"),
  keep_warm: z.boolean().optional().describe(
    "Whether a model that its server has unloaded is warmed again; true, and false for an stt or a tts, when left out",
  ),
  required: z.boolean().default(true).describe("Whether a failed warm-up is a failed start"),
});
export type CommonKeys = ReturnType<typeof commonKeys>;

/** What is known about the service when its warm-up is chosen. */
export interface WarmupContext {
  name: string;
  role: Role;
  /** As configured. */
  service: {
    server?: string | undefined;
    model?: string | undefined;
    default_voice?: string | undefined;
    kv_cache_tokens?: number | undefined;
    warmup_encoder_ms?: number | undefined;
    warmup_token?: number | undefined;
    options?: Readonly<Record<string, unknown>>;
  };
  /** Origin of its own control verbs; null where it is not asked over HTTP. */
  verbs: string | null;
  /** Base address of the OpenAI-style server that it speaks with; null where its control is another. */
  speech: string | null;
  /** `http://host:port` that its readiness is asked at; null without one. */
  origin: string | null;
  /** Where its readiness connects without HTTP, by a tcp or wyoming probe; null without one. */
  listening: { host: string; port: number } | null;
  /** Its readiness is an Ollama's, which must have this model; null where it is not. */
  ollama: { model: string | null } | null;
  /** Ollama's origin, as its readiness or else the environment says. */
  ollamaUrl: string;
  /** A command with its program's path resolved. */
  argv(words: readonly string[]): string[];
}

/** Why there is nothing to do, and whether that deserves a WARNING. */
export type Nothing = { kind: "none"; why: string; warn: boolean };

export function nothing(why: string, warn = false): Nothing {
  return { kind: "none", why, warn };
}

type Wishes<Keys> = { [Key in keyof Keys]?: Keys[Key] | undefined };

/** What may be asked for in the configuration. `Schema`: its keys; `Planned`: what it keeps in the plan. */
export interface WarmupChoice<
  Schema extends z.ZodObject = z.ZodObject<CommonKeys>,
  Planned = Record<string, unknown>,
> {
  readonly kind: string;
  /** Its keys, their bounds, meanings and defaults. */
  schema(shapes: Shapes, common: CommonKeys): Schema;
  /** What must hold between its keys and the service's. */
  rules?(warmup: Readonly<Record<string, unknown>>, service: ServiceView, found: RuleFindings): void;
  /** @param wishes its keys; where `auto` chose it, those that `auto` has. */
  plan(wishes: Wishes<z.output<Schema>>, context: WarmupContext): Planned | Nothing;
}

/** A choice that can be run. */
export interface WarmupKind<
  Schema extends z.ZodObject = z.ZodObject<CommonKeys>,
  Planned = Record<string, unknown>,
> extends WarmupChoice<Schema, Planned> {
  /** What is done, in words for `plan`. */
  describe(spec: Planned): string;
  /** Whom an error is about: an address, a program. */
  where(spec: Planned): string;
  /** Runs it once. Rejects for what the runner explains: no answer, no connection. */
  run(spec: Planned, context: RunContext): Promise<WarmupResult>;
  /** The server that is asked, where others may ask it too: to speak, or to transcribe. */
  engine?(spec: Planned): Engine | null;
  /** How to learn that what was warmed is cold again; null, or left out: nobody can tell. */
  coldCheck?(spec: Planned): ColdCheck | null;
}

/** Defines a kind; only so its plan's type follows from its keys', and its run's from its plan's. */
export function warmupKind<Schema extends z.ZodObject, Planned>(
  kind: WarmupKind<Schema, Planned>,
): WarmupKind<Schema, Planned> {
  return kind;
}

/** The same for a choice. */
export function warmupChoice<Schema extends z.ZodObject, Planned>(
  choice: WarmupChoice<Schema, Planned>,
): WarmupChoice<Schema, Planned> {
  return choice;
}

// ——— what several kinds have in common ———

export const audio = ({ z }: Shapes) =>
  z.enum(["speech", "silence"]).default("speech").describe("What the service gets to hear");
export const audioMs = ({ z }: Shapes) =>
  z.int().min(1).max(60_000).optional().describe("Length of the audio; `warmup_encoder_ms` when left out");
export const spokenText = ({ text }: Shapes) =>
  text(1000).optional().describe(`Text to synthesize; "${usualText}" when left out`);
export const language = ({ text }: Shapes) =>
  text(35).optional().describe("Language, such as `en`; `options.language` when left out");
/** The service's own, null where it names none. */
export function languageOf({ options }: WarmupContext["service"]): string | null {
  return typeof options?.language === "string" ? options.language : null;
}
export const tokens = ({ z }: Shapes) =>
  z.int().min(1).max(4096).optional().describe("Tokens to generate; `warmup_token` when left out");

/** The rule of a key that says where to send it: needed unless the readiness tells. */
export function needed(key: string, wanted: string, { name, path }: ServiceView, found: RuleFindings): void {
  found.errors.push({
    path: [...path, "warmup", key],
    at: "key",
    message: `services.${name}.warmup: nothing says where to send it`,
    wanted: `${wanted}, since the readiness of ${name} does not tell`,
  });
}

/** Whether one of the readiness probes, as written, is of these types. */
export function isAskedBy({ probes }: ServiceView, ...types: string[]): boolean {
  return probes.some((probe) => types.includes(String(probe.raw.type)));
}

/** "1 token", "16 tokens". */
export function tokensText(count: number): string {
  return count === 1 ? "1 token" : `${count} tokens`;
}
