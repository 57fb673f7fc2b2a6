/** Configured probes -> probes of the plan, with what they take over from their service. Spec: §6; CONTRACT §2. */
import { portOf } from "../config/address.ts";
import type { ProbeConfig, ServiceConfig } from "../config/schema.ts";
import { ollamaOrigin } from "./ollama_address.ts";
import { resolveArgv } from "./paths.ts";
import type { PlanFacts } from "./plan.ts";
import type { ProbeSpec } from "./types.ts";

/** One probe or a list, as a list. `execMs`: for a run of an exec probe that does not say how long it may take. */
export function planProbes(
  configured: ProbeConfig | readonly ProbeConfig[],
  service: ServiceConfig,
  facts: PlanFacts,
  execMs: number,
): ProbeSpec[] {
  return [configured].flat().map((probe) => planProbe(probe, service, facts, execMs));
}

function planProbe(
  probe: ProbeConfig,
  service: ServiceConfig,
  facts: PlanFacts,
  execMs: number,
): ProbeSpec {
  switch (probe.type) {
    case "tcp":
      return { ...probe, owner: probe.owner ?? (service.manage === "external" ? "any" : "service") };
    case "http":
      return {
        type: "http",
        url: probe.url,
        expectCode: probe.expect_code,
        expectJson: probe.expect_json ?? null,
      };
    case "ollama":
      return {
        type: "ollama",
        url: probe.url?.replace(/\/+$/, "") ?? ollamaOrigin(service.env, facts.env),
        model: probe.model ?? service.model ?? null,
      };
    case "exec":
      return {
        type: "exec",
        cmd: resolveArgv(facts.configDir, probe.cmd),
        timeoutMs: probe.timeout_ms ?? execMs,
      };
    default:
      return { ...probe };
  }
}

/** The port that readiness is asked on, on this machine or elsewhere; null without one. */
export function readinessPort(probes: readonly ProbeSpec[]): { host: string; port: number } | null {
  for (const probe of probes) {
    const found = portOf(probe);
    if (found) return { host: found.host, port: found.port };
  }
  return null;
}

/** `http://host:port` of the first http probe, or null. */
export function httpOrigin(probes: readonly ProbeSpec[]): string | null {
  for (const probe of probes) if (probe.type === "http") return new URL(probe.url).origin;
  return null;
}
