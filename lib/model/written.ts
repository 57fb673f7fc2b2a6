/**
 * What is written in a configuration that may be wrong in other places, and what is wrong with it: shared by the rules
 * and by the kinds of probes, warm-ups and controls, which have rules of their own. Spec: §3, §13.
 */
import type { Role } from "./plan.ts";

/** Where something is in the configuration: keys and list indices from the top. */
export type Path = readonly (string | number)[];

/** One thing that is wrong (or odd), before it is known where in the text that is. */
export interface Finding {
  path: Path;
  /** Point at the key itself or at its value. */
  at: "key" | "value";
  /** Point at this part of the value, if it can be found in the text. */
  inside?: string;
  message: string;
  wanted?: string | undefined;
  found?: string;
  hint?: string | undefined;
}

/** Errors stop the load, warnings are reported and the load goes on. */
export interface RuleFindings {
  errors: Finding[];
  warnings: Finding[];
}

/** The variables that `${…}` and rules look at. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Mapping = Record<string, unknown>;

export interface ProbeView {
  path: Path;
  raw: Mapping;
}

/** A service as written. What does not have the expected shape is simply not there. */
export interface ServiceView {
  name: string;
  path: Path;
  raw: Mapping;
  role: Role;
  manage: "spawn" | "external";
  /** Probes of `readiness`. */
  probes: ProbeView[];
  /** Probes of `health.probe`. */
  healthProbes: ProbeView[];
  warmup: Mapping;
  control: Mapping;
}
