/** How processes that outlive the loader are started, and where their output lies. Loaded only where it is needed. */
import type { BootPlan } from "../plan/types.ts";
import { spawnToFile } from "../sys/output_file.ts";
import type { KeptOutput } from "./household.ts";
import { outputPaths, OutputTail, recoverBatch } from "./output_tail.ts";

/** Undoes what a dead loader had begun in the log files, and gives what is needed to go on. Before the log is opened. */
export function keptOutput({ dirs, log, services }: BootPlan): KeptOutput {
  const paths = (service: string) => outputPaths(dirs.state, dirs.log, service, log.combined);
  for (const { name } of services) recoverBatch(paths(name));
  return { spawnToFile, OutputTail, paths };
}
