/** Plans and records for the tests of the clean start. */
import type { HygieneLog } from "../../lib/clean_start/leftovers.ts";
import type { BootPlan, ServicePlan } from "../../lib/model/plan.ts";
import type { PreviousState, ServiceRecord } from "../../lib/clean_start/state_file.ts";
import { machineBootId } from "../../lib/sys/process/procfs.ts";
import { planOf } from "./config_edit.ts";

interface PlannedService {
  port: number;
  cmd?: string[];
  external?: boolean;
}

/** A plan of services with these ports and commands. */
export function hygienePlan(
  services: Record<string, PlannedService>,
  hygiene: Partial<BootPlan["hygiene"]> = {},
): BootPlan {
  const names = JSON.stringify(Object.keys(services));
  const text = [
    `loader: { startup_sequence: ${names}, shutdown_sequence: ${names} }`,
    "services:",
    ...Object.entries(services).map(([name, s]) =>
      `  ${name}: ${
        JSON.stringify({
          ...(s.external ? { manage: "external" } : { cmd: s.cmd ?? ["a-program-of-nobody"] }),
          role: "other",
          readiness: { type: "tcp", host: "127.0.0.1", port: s.port },
        })
      }`
    ),
  ].join("\n");
  const plan = planOf(text);
  return { ...plan, hygiene: { ...plan.hygiene, ...hygiene } };
}

export const planned = (plan: BootPlan, name: string): ServicePlan =>
  plan.services.find((service) => service.name === name)!;

/** A record of an earlier loader that is dead. */
export function previousState(
  boot: string,
  services: Record<string, { pid: number; startTime: number } & Partial<ServiceRecord>>,
  changes: Partial<PreviousState> = {},
): PreviousState {
  return {
    boot,
    machineBoot: machineBootId(),
    loader: { pid: 4_194_303, startTime: 1 },
    onLoaderDeath: "stop",
    services: new Map(
      Object.entries(services).map(([name, s]) => [name, {
        pgid: s.pid,
        boot,
        spawnedAt: "2026-01-01T00:00:00Z",
        port: null,
        digest: null,
        ready: false,
        seen: [],
        ...s,
      }]),
    ),
    strays: [],
    commands: [],
    ...changes,
  };
}

/** A log that remembers. */
export function rememberingLog(): HygieneLog & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    info: (tag, message) => void lines.push(`${tag} INFO = ${message}`),
    warning: (tag, message) => void lines.push(`${tag} WARNING = ${message}`),
    error: (tag, message) => void lines.push(`${tag} ERROR = ${message}`),
  };
}
