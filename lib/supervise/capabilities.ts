/** What works for the person who talks, told by capability. Spec: §6, §13; CONTRACT §9. */
import { timeOfDay, worksText } from "../text.ts";
import type { Role } from "../model/plan.ts";
import type { Unit } from "./supervisor.ts";
import type { Works } from "../model/status.ts";
import { failedBecause } from "./wording.ts";

const capabilityOf: Record<Role, string | null> = {
  kwd: "wake word",
  stt: "transcription",
  llm: "answers",
  tts: "speech",
  other: null,
};

/** Who infers: their probes alone prove nothing of what they are there for. */
const inferring: ReadonlySet<Role> = new Set(["stt", "llm", "tts"]);

/** Capability -> works. A service of no known role stands for itself. */
export function capabilities(units: readonly Unit[]): Record<string, Works> {
  return Object.fromEntries(units.map((unit) => [capabilityOf[unit.plan.role] ?? unit.name, works(unit)]));
}

function works({ isUp, unproved, plan }: Unit): Works {
  return isUp && unproved && inferring.has(plan.role) ? "unproved" : isUp;
}

/** "tts failed (3 restarts in 600 s); wake word yes, transcription yes, answers yes, speech no"; null when all is up. */
export function degradedText(units: readonly Unit[]): string | null {
  const lost = units.filter((unit) => unit.isLost);
  const missing = lost.length > 0 ? lost : units.filter((unit) => !unit.isUp);
  if (missing.length === 0) return null;
  const what = missing.map((unit) =>
    unit.state.actual === "failed"
      ? `${unit.name} failed (${failedBecause(unit.state.fault, unit.standing.givenUpWhy)})`
      : unit.standing.awaySince
      ? `${unit.name} away since ${timeOfDay(unit.standing.awaySince)}`
      : `${unit.name} is ${unit.state.actual}`
  );
  return `${what.join(", ")}; ${worksText(capabilities(units))}`;
}
