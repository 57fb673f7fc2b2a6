/** Configured probes -> probes of the plan, with what they take over from their service. Spec: §6; CONTRACT §2. */
import type { ProbeConfig, ServiceConfig } from "../config/schema.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { type Owner, usualOwner } from "../probes/kind.ts";
import { kindOf, portOf } from "../probes/kinds.ts";
import type { PlanFacts } from "./facts.ts";
import { resolveArgv } from "./paths.ts";

/** One probe or a list, as a list. `execMs`: for a run of a command that does not say how long it may take. */
export function planProbes(
  configured: ProbeConfig | readonly ProbeConfig[],
  service: ServiceConfig,
  facts: PlanFacts,
  execMs: number | null,
): ProbeSpec[] {
  const argv = (words: readonly string[]) => resolveArgv(facts.configDir, words);
  return [configured].flat().map((probe) => {
    const kind = kindOf(probe);
    const own = kind.plan(probe, { service, env: facts.env, execMs, argv });
    const spec: ProbeSpec = { type: kind.type, ...own };
    const asked = portOf(spec);
    if (asked === null || ownerOf(probe, asked.host, service) === "any") return spec;
    return { ...spec, listener: { host: asked.host, port: asked.port } };
  });
}

/** Whose listener it must be that answers: as configured, else what is usual. */
function ownerOf(probe: ProbeConfig, host: string, service: ServiceConfig): Owner {
  if (probe.owner !== undefined) return probe.owner as Owner;
  if (service.manage === "external") return "any";
  const besideOwnPort = [service.readiness].flat().some((other) =>
    other.type !== probe.type && portOf(other) !== null
  );
  return kindOf(probe).usualOwner?.(host, besideOwnPort) ?? usualOwner(host);
}

/** The port that readiness is asked on, on this machine or elsewhere; null without one. */
export function readinessPort(probes: readonly ProbeSpec[]): { host: string; port: number } | null {
  for (const probe of probes) {
    const found = portOf(probe);
    if (found) return { host: found.host, port: found.port };
  }
  return null;
}

/** Where readiness connects without HTTP, by a tcp or wyoming probe; null without one. */
export function plainPort(probes: readonly ProbeSpec[]): { host: string; port: number } | null {
  return readinessPort(probes.filter(({ type }) => type === "tcp" || type === "wyoming"));
}

/** `http://host:port` of the first http probe, or null. */
export function httpOrigin(probes: readonly ProbeSpec[]): string | null {
  const probe = probes.find(({ type }) => type === "http");
  return probe ? new URL(String(probe.url)).origin : null;
}
