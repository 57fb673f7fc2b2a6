/** What must hold before anything is started. Spec: §1.2, §4; CONTRACT §8. */
import { LoaderError } from "../errors.ts";
import type { BootPlan, ServicePlan } from "../plan/types.ts";
import { findProgram } from "../sys/host.ts";

export interface MissingCommand {
  service: ServicePlan;
  program: string;
}

/** Services whose command is not there. `resolve` gives the argv that really runs. */
export function missingCommands(
  plan: BootPlan,
  resolve: (argv: readonly string[]) => string[],
  path: string,
): MissingCommand[] {
  return plan.services
    .filter((service) => service.manage === "spawn")
    .map((service) => ({ service, program: resolve(service.argv)[0] }))
    .filter(({ service, program }) =>
      findProgram(program, service.workdir, service.env.PATH ?? path) === null
    );
}

/** @throws LoaderError `command_missing` that names them all. */
export function requireCommands(
  plan: BootPlan,
  resolve: (argv: readonly string[]) => string[],
  path: string,
): void {
  const missing = missingCommands(plan, resolve, path);
  if (missing.length === 0) return;
  const list = missing.map(({ service, program }) => `${service.name}: ${JSON.stringify(program)}`).join(
    ", ",
  );
  throw new LoaderError(
    "command_missing",
    `cannot start, ${missing.length === 1 ? "a command is" : "commands are"} not there: ${list}`,
    {
      hint:
        "try `alexa-loader demo` for an assistant that needs nothing installed, or `alexa-loader init` for a starter of your own",
    },
  );
}
