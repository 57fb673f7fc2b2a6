/**
 * What a control is: a way to ask a service to speak or to mute itself, one file with its keys, its rules, its part of the
 * plan, its words and what it does. A new one is such a file, and a line in `kinds.ts`. Spec: §10; CONTRACT §5.
 */
import type * as z from "zod";
import type { Engine } from "../model/engine.ts";
import type { Link } from "../model/plan.ts";
import type { RuleFindings, ServiceView } from "../model/written.ts";
import type { Shapes } from "../shapes.ts";
import type { Clock } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import type { AskOptions, ControlAnswer, SpeakAnswer } from "./answers.ts";

/** What a service may be asked for. */
export type Verb = "speak" | "pause" | "resume";

/** What its plan may look at. */
export interface ControlContext {
  /** As configured. */
  service: {
    model?: string | undefined;
    default_voice?: string | undefined;
    options?: Readonly<Record<string, unknown>>;
  };
  /** `http://host:port` that the service's readiness is asked at; null without one. */
  origin: string | null;
  /** Where its readiness connects without HTTP, by a tcp or wyoming probe; null without one. */
  listening: { host: string; port: number } | null;
  /** A command with its program's path resolved. */
  argv(words: readonly string[]): string[];
}

export interface Ask extends AskOptions {
  clock: Clock;
  /** How commands are run for the service. */
  run: RunCommand;
  /** Why it is paused beside the reason in question, as far as is known; of a wake word. */
  others?: readonly string[];
  /** It was us who paused it, for this reason or another. */
  held?: boolean;
  /** Private folder for a file that lives as long as the question. */
  scratch: string;
  link?: Link | undefined;
}

export interface Speech {
  text: string;
  tag: string;
  /** Where to tell that the sound has ended. */
  finishedUrl?: string | undefined;
}

/** `Schema`: its keys; `Planned`: what it keeps in the plan. What it does never rejects, except with the signal's reason. */
export interface ControlKind<
  Schema extends z.ZodObject = z.ZodObject,
  Planned = Record<string, unknown>,
> {
  readonly kind: string;
  /** Its keys, their bounds, meanings and defaults. */
  schema(shapes: Shapes): Schema;
  /** What must hold between its keys and the service's. */
  rules?(control: Readonly<Record<string, unknown>>, service: ServiceView, found: RuleFindings): void;
  plan(config: z.output<Schema>, context: ControlContext): Planned;
  /** In words, for `plan`. */
  describe(spec: Planned): string;
  /** The server that makes the sound, of one that only makes it. */
  engine?(spec: Planned): Engine;
  /** Whether there is a way to ask for `verb`, of a control as written or as planned. What it answers is another matter. */
  offers(control: Readonly<Record<string, unknown>>, verb: Verb): boolean;
  /** Left out: never offered. */
  speak?(spec: Planned, speech: Speech, ask: Ask): Promise<SpeakAnswer>;
  /** Stops and enables the wake word, for a reason. */
  mute?(spec: Planned, verb: "pause" | "resume", reason: string, ask: Ask): Promise<ControlAnswer>;
  /** Tells SYSTEM_READY. */
  systemReady?(spec: Planned, body: Record<string, unknown>, ask: Ask): Promise<ControlAnswer>;
}

/** Defines a kind; only so its plan's type follows from its keys', and what it does from its plan's. */
export function controlKind<Schema extends z.ZodObject, Planned>(
  kind: ControlKind<Schema, Planned>,
): ControlKind<Schema, Planned> {
  return kind;
}

/** The rule of a control that says where to ask: needed unless the readiness tells. */
export function needed(
  key: string,
  types: readonly string[],
  { name, path, probes }: ServiceView,
  found: RuleFindings,
): void {
  if (probes.some(({ raw }) => types.includes(String(raw.type)))) return;
  found.errors.push({
    path: [...path, "control", key],
    at: "key",
    message: `services.${name}.control: nothing says where to send the verbs`,
    wanted: `\`${key}\`, since the readiness of ${name} is not asked over ${types.join(" or ")}`,
  });
}
