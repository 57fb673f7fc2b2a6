/**
 * Ways to ask a service "are you ready?", one file per kind, and the wait that asks. Answers are values: a service can
 * refuse, stall or lie, and the boot goes on. Spec: §6; CONTRACT §2.
 */
import type { ProbeSpec } from "../model/plan.ts";
import { noneFree } from "../sys/process/descriptors.ts";
import * as exec from "./exec.ts";
import * as grpc from "./grpc.ts";
import * as http from "./http.ts";
import * as log from "./log.ts";
import * as notify from "./notify.ts";
import * as ollama from "./ollama.ts";
import { owned } from "./owner.ts";
import { type ProbeDeps, unasked } from "./results.ts";
import * as tcp from "./tcp.ts";
import type { Probe, ProbeTarget } from "./types.ts";
import * as wyoming from "./wyoming.ts";

export { type WaitOptions, waitReady, type WaitResult } from "./poll.ts";
export type { ProbeDeps } from "./results.ts";
export type { OnSign, SignKind } from "./signs.ts";
export type { Probe, ProbeResult, ProbeTarget } from "./types.ts";

/** The probe of a configured kind, bound to one start of one service. */
export function createProbe(spec: ProbeSpec, target: ProbeTarget, deps: ProbeDeps): Probe {
  const probe = create(spec, target, deps);
  return askable("listener" in spec && spec.listener ? owned(probe, spec.listener, target) : probe);
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

function create(spec: ProbeSpec, target: ProbeTarget, deps: ProbeDeps): Probe {
  switch (spec.type) {
    case "tcp":
      return tcp.create(spec, target, deps);
    case "http":
      return http.create(spec, target, deps);
    case "grpc":
      return grpc.create(spec, target, deps);
    case "wyoming":
      return wyoming.create(spec, target, deps);
    case "ollama":
      return ollama.create(spec, target, deps);
    case "log":
      return log.create(spec, target, deps);
    case "exec":
      return exec.create(spec, target, deps);
    case "notify":
      return notify.create(spec, target, deps);
  }
}
