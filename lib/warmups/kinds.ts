/** Every warm-up. A new one is a file beside this one, and a line here. Spec: §9; CONTRACT §4. */
import type { WarmupSpec } from "../model/plan.ts";
import { auto } from "./auto.ts";
import { exec } from "./exec.ts";
import { http } from "./http.ts";
import type { WarmupChoice, WarmupKind } from "./kind.ts";
import { none } from "./none.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { wyoming } from "./wyoming.ts";

/** In the order of the documentation. Read by the configuration, the plan, the runner and the views. */
export const warmupKinds: WarmupKind[] = [http, wyoming, ollama, openai, exec, none];

/** What may be written: those, and the choice among them. */
export function warmupChoices(): WarmupChoice[] {
  return [auto, ...warmupKinds];
}

/** The choice as written; undefined when there is no such kind. */
export function choiceOf(kind: unknown): WarmupChoice | undefined {
  return warmupChoices().find((choice) => choice.kind === kind);
}

/** The kind of a planned warm-up. */
export function kindOf(spec: WarmupSpec): WarmupKind {
  return warmupKinds.find(({ kind }) => kind === spec.kind)!;
}

/** What warms it, in words for `plan`. */
export function describeWarmup(spec: WarmupSpec): string {
  return kindOf(spec).describe(spec);
}
