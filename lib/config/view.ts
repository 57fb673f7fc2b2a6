/**
 * A forgiving look at the data as written: what the rules need to see of a configuration that may be wrong in other
 * places. Nothing here complains; what does not have the expected shape is simply not there. Pure.
 */
import type { Role } from "../model/plan.ts";
import type { Path, ProbeView, ServiceView } from "../model/written.ts";

/** The loader's part and the services. */
export function viewOf(data: Record<string, unknown>): {
  loader: Record<string, unknown>;
  services: ServiceView[];
} {
  const services: ServiceView[] = [];
  for (const [name, value] of Object.entries(mappingOf(data.services))) {
    const path = ["services", name];
    const raw = mappingOf(value);
    services.push({
      name,
      path,
      raw,
      role: roleOf(raw.role, name),
      manage: raw.manage === "external" ? "external" : "spawn",
      probes: probesOf(raw.readiness, [...path, "readiness"]),
      healthProbes: probesOf(mappingOf(raw.health).probe, [...path, "health", "probe"]),
      warmup: mappingOf(raw.warmup),
      control: mappingOf(raw.control),
    });
  }
  return { loader: mappingOf(data.loader), services };
}

/** The value if it is a mapping, else an empty one. */
export function mappingOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}

function roleOf(role: unknown, name: string): Role {
  const known: readonly Role[] = ["kwd", "stt", "llm", "tts", "other"];
  return known.find((candidate) => candidate === (role ?? name)) ?? "other";
}

function probesOf(value: unknown, path: Path): ProbeView[] {
  if (!Array.isArray(value)) {
    return typeof value === "object" && value !== null ? [{ path, raw: mappingOf(value) }] : [];
  }
  return value.map((item, i) => ({ path: [...path, i], raw: mappingOf(item) }));
}
