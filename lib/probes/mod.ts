/**
 * Ways to ask a service "are you ready?", one file per kind, and the wait that asks. Answers are values: a service can
 * refuse, stall or lie, and the boot goes on. Spec: §6; CONTRACT §2.
 */
import type { ProbeSpec } from "../model/plan.ts";
import { noneFree } from "../sys/process/descriptors.ts";
import { kindOf } from "./kinds.ts";
import { owned } from "./owner.ts";
import { type ProbeDeps, unasked } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

export { type WaitOptions, waitReady, type WaitResult } from "./poll.ts";
export type { ProbeDeps } from "./results.ts";
export type { ActivityKind, OnActivity } from "./signs.ts";
export type { Probe, ProbeResult, ProbeTarget } from "./types.ts";

/** The probe of a configured kind, bound to one start of one service. */
export function createProbe(spec: ProbeSpec, target: ProbeTarget, deps: ProbeDeps): Probe {
  const kind = kindOf(spec);
  const probe = {
    description: kind.brief?.(spec) ?? kind.describe(spec),
    [Symbol.dispose]() {},
    ...kind.create(spec, target, deps),
  };
  return askable(spec.listener ? owned(probe, spec.listener, target) : probe);
}

/**
 * The probe, believed only while we can ask at all: without a descriptor every way of asking fails somewhere. Whoever opens
 * something looks for one first; this is for what goes wrong all the same.
 */
function askable(probe: Probe): Probe {
  if (probe.onReady) return probe; // it is told, and asks nobody
  return {
    description: probe.description,
    async check(options) {
      const result = await probe.check(options);
      return result.state !== "ready" && noneFree() ? unasked : result;
    },
    [Symbol.dispose]: () => probe[Symbol.dispose](),
  };
}
