/** One file for a bug report: what was seen, the configuration, the last log lines. Without secrets. */
import type { DoctorReport } from "../model/doctor.ts";
import { Redactor } from "../redact.ts";
import { systemClock } from "../sys/clock.ts";
import { fileTree } from "../sys/files/file_tree.ts";
import { readSmallFile } from "../sys/files/files.ts";
import { readLines } from "../sys/files/lines_file.ts";
import { programFacts } from "../sys/self.ts";
import type { Facts } from "./facts.ts";

const linesOfEach = 200, bytesOfEach = 128 << 10, logFiles = 20;

/** The bundle as JSON. `facts` holds the plan, the status and the last boots; `configPath`: the file as it is written. */
export async function bundle(
  { report, facts, configPath, env }: {
    report: DoctorReport;
    facts: Facts;
    configPath: string | null;
    env: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const dir = facts.plan?.dirs.log ?? null;
  const names = dir === null ? [] : (await fileTree.list(dir, logFiles * 10)).map(({ name }) => name);
  const logs = names.filter((name) => name.endsWith(".log")).slice(0, logFiles)
    .map((name) => [name, readLines(`${dir}/${name}`, bytesOfEach).lines.slice(-linesOfEach)]);
  const everything = {
    format: 1,
    made: systemClock.wall().toISOString(),
    program: programFacts(),
    report,
    facts,
    configuration: configPath === null ? null : readSmallFile(configPath)?.split("\n") ?? null,
    logs: Object.fromEntries(logs),
  };
  const redactor = new Redactor();
  redactor.learn(env);
  redactor.learn(everything);
  return JSON.stringify(redactor.value(everything), null, 2) + "\n";
}
