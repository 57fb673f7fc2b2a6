/** Configured probes -> probes of the plan, with what they take over from their service. Spec: §6; CONTRACT §2. */
import { isLoopback, portOf } from "../config/address.ts";
import type { ProbeConfig, ServiceConfig } from "../config/schema.ts";
import { ollamaOrigin } from "./ollama_address.ts";
import { resolveArgv } from "./paths.ts";
import type { PlanFacts } from "./facts.ts";
import type { NetworkProbeSpec, ProbeSpec } from "../model/plan.ts";

type Owner = "service" | "any";

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
    case "wyoming":
    case "grpc": {
      const { owner, ...spec } = probe;
      return withListener(spec, owner, service);
    }
    case "http":
      return withListener(
        {
          type: "http",
          url: probe.url,
          expectCode: probe.expect_code,
          expectJson: probe.expect_json ?? null,
        },
        probe.owner,
        service,
      );
    case "ollama": {
      const url = probe.url?.replace(/\/+$/, "") ?? ollamaOrigin(service.env, facts.env);
      return withListener(
        { type: "ollama", url, model: probe.model ?? service.model ?? null },
        probe.owner,
        service,
      );
    }
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

/** Says whose listener it must be that answers the probe. */
function withListener(
  spec: NetworkProbeSpec,
  owner: Owner | undefined,
  service: ServiceConfig,
): NetworkProbeSpec {
  const asked = portOf(spec);
  if (asked === null || (owner ?? usualOwner(spec, asked.host, service)) === "any") return spec;
  return { ...spec, listener: { host: asked.host, port: asked.port } };
}

/** What nothing is said of: only on this machine can it be told, and Ollama may well stand behind the service. */
function usualOwner(spec: NetworkProbeSpec, host: string, service: ServiceConfig): Owner {
  if (service.manage === "external") return "any";
  if (spec.type !== "tcp" && !isLoopback(host)) return "any";
  const own = [service.readiness].flat().some((probe) => probe.type !== "ollama" && portOf(probe) !== null);
  return spec.type === "ollama" && own ? "any" : "service";
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
