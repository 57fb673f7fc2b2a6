/** What a service can be asked for, as its plan says. CONTRACT §5. */
import type { ControlSpec } from "../model/plan.ts";

/** Whether there is a way to ask for `verb`. What it answers is another matter. */
export function offers(control: ControlSpec, verb: "speak" | "pause" | "resume"): boolean {
  return control.kind === "http" || (control.kind === "command" && control[verb] !== null);
}
