/** Every way to ask a service to speak or to mute itself. A new one is a file beside this one, and a line here. CONTRACT §5. */
import type { ControlSpec } from "../model/plan.ts";
import { command } from "./command.ts";
import { http } from "./http.ts";
import type { ControlKind, Verb } from "./kind.ts";
import { lva } from "./lva.ts";
import { none } from "./none.ts";
import { openai } from "./openai.ts";
import { wyoming } from "./wyoming.ts";

/** In the order of the documentation. Read by the configuration, the plan, the services and the views. */
export const controlKinds: ControlKind[] = [http, wyoming, openai, lva, command, none];

/** The kind of that name; undefined when there is none. */
export function controlNamed(kind: unknown): ControlKind | undefined {
  return controlKinds.find((known) => known.kind === kind);
}

/** The kind of a planned control. */
export function kindOf(control: ControlSpec): ControlKind {
  return controlNamed(control.kind)!;
}

/** How it is asked, in words for `plan`. */
export function describeControl(control: ControlSpec): string {
  return kindOf(control).describe(control);
}

/** Whether there is a way to ask for `verb`, of a control as written or as planned. */
export function offers(control: Readonly<Record<string, unknown>>, verb: Verb): boolean {
  return controlNamed(control.kind)?.offers(control, verb) ?? false;
}
