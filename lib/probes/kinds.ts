/** Every way to ask "are you ready?". A new one is a file beside this one, and a line here. Spec: §6; CONTRACT §2. */
import type { ProbeSpec } from "../model/plan.ts";
import { exec } from "./exec.ts";
import { grpc } from "./grpc.ts";
import { http } from "./http.ts";
import type { Port, ProbeKind } from "./kind.ts";
import { log } from "./log.ts";
import { notify } from "./notify.ts";
import { ollama } from "./ollama.ts";
import { tcp } from "./tcp.ts";
import { wyoming } from "./wyoming.ts";

/** In the order of the documentation. Read by the configuration, the plan, the runner and the views. */
export const probeKinds: ProbeKind[] = [tcp, http, grpc, wyoming, ollama, log, exec, notify];

/** The kind of a probe as written; undefined when there is no such kind. */
export function kindOfWritten(probe: Readonly<Record<string, unknown>>): ProbeKind | undefined {
  return probeKinds.find(({ type }) => type === probe.type);
}

/** The kind of a probe that was checked. */
export function kindOf(probe: Readonly<Record<string, unknown>>): ProbeKind {
  return kindOfWritten(probe)!;
}

/** Where a probe asks, as written or as planned. Null for probes without a port. */
export function portOf(probe: Readonly<Record<string, unknown>>): Port | null {
  return kindOfWritten(probe)?.portOf?.(probe) ?? null;
}

/** When it is ready, in words for `plan`. */
export function describeProbe(probe: ProbeSpec): string {
  const anyone = portOf(probe) !== null && probe.listener === undefined;
  return `${kindOf(probe).describe(probe)}${anyone ? ", any owner" : ""}`;
}
