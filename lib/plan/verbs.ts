/** What a service can be asked for, as its plan says. CONTRACT §5. */
import type { ControlSpec } from "../model/plan.ts";

export function canSpeak(control: ControlSpec): boolean {
  return control.kind === "http" || (control.kind === "command" && control.speak !== null);
}

export function canPause(control: ControlSpec): boolean {
  return control.kind === "http" || (control.kind === "command" && control.pause !== null);
}

export function canResume(control: ControlSpec): boolean {
  return control.kind === "http" || (control.kind === "command" && control.resume !== null);
}
