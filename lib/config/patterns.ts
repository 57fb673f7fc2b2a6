/** The last rules, by what is loaded for them alone: patterns are checked by what will match them. Spec: §6; CONTRACT §2. */
import type { Finding } from "../model/written.ts";
import { kindOf } from "../probes/kinds.ts";
import { readDocument } from "./document.ts";
import type { LoadedConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { viewOf } from "./view.ts";

/** @throws {ConfigError} for patterns that cannot be matched in bounded time. */
export async function checkPatterns({ config, path, text }: LoadedConfig): Promise<void> {
  const findings: Finding[] = [];
  for (const service of viewOf(config).services) {
    for (const probe of [...service.probes, ...service.healthProbes]) {
      findings.push(...await kindOf(probe.raw).lateRule?.(probe, service.name) ?? []);
    }
  }
  if (findings.length === 0) return;
  throw new ConfigError(path, findings.map(readDocument(text.replace(/^\ufeff/, "")).locate));
}
