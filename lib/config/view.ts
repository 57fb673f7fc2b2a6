/**
 * A forgiving look at the data as written: what the rules need to see of a configuration that may be wrong in other
 * places. Nothing here complains; what does not have the expected shape is simply not there. Pure.
 */
import { recordOf } from "../shape.ts";
import type { Role } from "../model/plan.ts";
import type { Path, ProbeView, ServiceView } from "../model/written.ts";

/** The loader's part and the services. */
export function viewOf(data: Record<string, unknown>): {
  loader: Record<string, unknown>;
  services: ServiceView[];
} {
  const services: ServiceView[] = [];
  for (const [name, value] of Object.entries(recordOf(data.services))) {
    const path = ["services", name];
    const raw = recordOf(value);
    services.push({
      name,
      path,
      raw,
      role: roleOf(raw.role, name),
      manage: raw.manage === "external" ? "external" : "spawn",
      probes: probesOf(raw.readiness, [...path, "readiness"]),
      healthProbes: probesOf(recordOf(raw.health).probe, [...path, "health", "probe"]),
      warmup: recordOf(raw.warmup),
      control: recordOf(raw.control),
    });
  }
  return { loader: recordOf(data.loader), services };
}

function roleOf(role: unknown, name: string): Role {
  const known: readonly Role[] = ["kwd", "stt", "llm", "tts", "other"];
  return known.find((candidate) => candidate === (role ?? name)) ?? "other";
}

function probesOf(value: unknown, path: Path): ProbeView[] {
  if (!Array.isArray(value)) {
    return typeof value === "object" && value !== null ? [{ path, raw: recordOf(value) }] : [];
  }
  return value.map((item, i) => ({ path: [...path, i], raw: recordOf(item) }));
}
