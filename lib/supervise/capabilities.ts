/** What works for the person who talks, told by capability. Spec: §6, §13; CONTRACT §9. */
import { timeOfDay, worksText } from "../text.ts";
import { isLoopback } from "../address.ts";
import { portOf } from "../probes/kinds.ts";
import type { Role, ServicePlan } from "../model/plan.ts";
import type { Supervisor } from "./supervisor.ts";
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

/** What works while it does: "speech". */
export function capabilityName({ role, name }: Pick<ServicePlan, "role" | "name">): string {
  return capabilityOf[role] ?? name;
}

/** Capability -> works. A service of no known role stands for itself. */
export function capabilities(supervisors: readonly Supervisor[]): Record<string, Works> {
  return Object.fromEntries(
    supervisors.map((supervisor) => [capabilityName(supervisor.plan), works(supervisor)]),
  );
}

function works({ isUp, unproved, plan }: Supervisor): Works {
  return isUp && unproved && inferring.has(plan.role) ? "unproved" : isUp;
}

/** "tts failed (3 restarts in 600 s); wake word yes, transcription yes, answers yes, speech no"; null when all is up. */
export function degradedText(supervisors: readonly Supervisor[]): string | null {
  const lost = supervisors.filter((supervisor) => supervisor.isLost);
  const missing = lost.length > 0 ? lost : supervisors.filter(({ isUp, isOff }) => !isUp && !isOff);
  if (missing.length === 0) return null;
  const what = missing.map((supervisor) =>
    supervisor.state.actual === "failed"
      ? `${supervisor.name} failed (${failedBecause(supervisor.state.fault, supervisor.standing.givenUpWhy)})`
      : supervisor.standing.awaySince && hostOf(supervisor.plan)
      ? cutOff(supervisor, hostOf(supervisor.plan)!, supervisor.standing.awaySince)
      : supervisor.standing.awaySince
      ? `${supervisor.name} away since ${timeOfDay(supervisor.standing.awaySince)}`
      : `${supervisor.name} is ${supervisor.state.actual}`
  );
  return `${what.join(", ")}; ${worksText(capabilities(supervisors))}`;
}

/** The other machine that a service is asked at; null when it is this one. */
export function hostOf({ readiness }: ServicePlan): string | null {
  const host = readiness.map((probe) => portOf(probe)?.host).find((host) => host !== undefined) ?? null;
  return host === null || isLoopback(host) ? null : host;
}

/** "answers (llm) are off: gpu-box unreachable since 14:02:07 (no route)". */
function cutOff({ plan, state: { fault } }: Supervisor, host: string, since: Date): string {
  const what = capabilityName(plan), who = what === plan.name ? what : `${what} (${plan.name})`;
  const detail = fault && "detail" in fault ? fault.detail : "no answer";
  const [, why] = reasons.find(([pattern]) => pattern.test(detail)) ?? [, null];
  const off = `${who} ${what.endsWith("s") ? "are" : "is"} off`;
  return why
    ? `${off}: ${host} unreachable since ${timeOfDay(since)} (${why})`
    : `${off} since ${timeOfDay(since)}: ${host} says ${detail}`;
}

/** What the system says of a way that leads nowhere, in a word or two. */
const reasons: [RegExp, string][] = [
  [/no route|network is unreachable|host is unreachable|network is down/i, "no route"],
  [/no (answer|connection) within|timed out/i, "no answer"],
  [/connection refused/i, "connection refused"],
  [/reset|closed the connection|connection was closed/i, "connection cut"],
  [/lookup|resolve|name or service/i, "its name is not known"],
];
