/**
 * What a control is: a way to ask a service to speak or to mute itself, one file with its keys, its rules, its part of the
 * plan, its words and what it does. A new one is such a file, and a line in `kinds.ts`. Spec: §10; CONTRACT §5.
 */
import type * as z from "zod";
import type { RuleFindings, ServiceView } from "../model/written.ts";
import type { Shapes } from "../shapes.ts";
import type { RunCommand } from "../sys/process/command.ts";
import type { AskOptions, ControlAnswer, SpeakAnswer } from "./answers.ts";

/** What a service may be asked for. */
export type Verb = "speak" | "pause" | "resume";

/** What its plan may look at. */
export interface ControlContext {
  /** `http://host:port` that the service's readiness is asked at; null without one. */
  origin: string | null;
  /** A command with its program's path resolved. */
  argv(words: readonly string[]): string[];
}

/** `run`: how commands are run for the service. */
export type Ask = AskOptions & { run: RunCommand };

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
