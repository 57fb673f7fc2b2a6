/** How processes that outlive the loader are started, and where their output lies. Loaded only where it is needed. */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { sha256 } from "../sys/files/digest.ts";
import { restoreDir } from "../sys/files/files.ts";
import { environment, findProgram } from "../sys/host.ts";
import { spawnToFile } from "../sys/files/output_file.ts";
import type { KeptOutput } from "./context.ts";
import { openOutput, outputPaths, OutputTail, recoverBatch } from "./output_tail.ts";

/** Undoes what a dead loader had begun in the log files, and gives what is needed to go on. Before the log is opened. */
export function keptOutput(
  { dirs, log, services }: BootPlan,
  o: { resolve(argv: readonly string[]): string[]; warn(message: string): void },
): KeptOutput {
  const paths = (service: string) => outputPaths(dirs.state, dirs.log, service, log.combined);
  for (const { name } of services) recoverBatch(paths(name));
  return {
    open(service, { fresh }) {
      if (fresh) restoreDir(dirs.state, o.warn);
      return openOutput(paths(service), { fresh });
    },
    spawnToFile,
    OutputTail,
    digest: (service) => digestOf(service, o.resolve(service.argv)),
  };
}

/** What a service is started with, as far as its configuration says it; the rest of its environment is the caller's shell. */
function digestOf({ env, workdir, bindPort }: ServicePlan, argv: readonly string[]): string {
  const [name = ""] = argv;
  const program = findProgram(name, workdir, env.PATH ?? environment().PATH ?? "");
  const variables = Object.entries(env).sort(([a], [b]) => a < b ? -1 : 1);
  return sha256(JSON.stringify({ program, argv, variables, workdir, bindPort }));
}
