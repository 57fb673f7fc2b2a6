/** The last check of a configuration with patterns: by what will match them, which is loaded for that. Spec: §6; CONTRACT §2. */
import { reasonOf } from "../errors.ts";
import { compilePattern } from "../pattern.ts";
import { readDocument } from "./document.ts";
import type { LoadedConfig } from "./load.ts";
import { ConfigError, describeValue, type Finding } from "./problem.ts";
import { viewOf } from "./view.ts";

/** @throws {ConfigError} for patterns that cannot be matched in bounded time. */
export async function checkPatterns({ config, path, text }: LoadedConfig): Promise<void> {
  const findings: Finding[] = [];
  for (const service of viewOf(config).services) {
    for (const probe of [...service.probes, ...service.healthProbes]) {
      if (probe.raw.type !== "log") continue;
      const pattern = String(probe.raw.pattern);
      try {
        await compilePattern(pattern);
      } catch (error) {
        findings.push({
          path: [...probe.path, "pattern"],
          at: "value",
          message: `${service.name}: cannot be matched in bounded time: ${reasonOf(error)}`,
          wanted: "a regular expression without lookaround and back references, as RE2 takes it",
          found: describeValue(pattern),
        });
      }
    }
  }
  if (findings.length === 0) return;
  throw new ConfigError(path, findings.map(readDocument(text.replace(/^\ufeff/, "")).locate));
}
