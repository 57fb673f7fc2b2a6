/** `up` and `demo`: boot, run until a signal or the end, stop. */
import { LoaderError } from "../errors.ts";
import { programAgeMs } from "../sys/host.ts";
import { systemClock } from "../sys/clock.ts";
import { takeServiceManager } from "../sys/service_manager.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";
import { run, type RunFlags } from "./run.ts";

export async function up(this: Cli, flags: RunFlags & { config?: string }): Promise<void> {
  await boot(this, flags, flags);
}

export async function demo(this: Cli, flags: RunFlags): Promise<void> {
  await boot(this, { demo: true }, flags);
}

async function boot(cli: Cli, choice: ConfigChoice, flags: RunFlags): Promise<void> {
  if (flags.takeOver !== undefined) {
    return await (await import("./take_over.ts")).takeOver(cli, choice, flags, flags.takeOver);
  }
  const manager = takeServiceManager(); // before anything is started: it inherits the rest
  const startedAt = systemClock.now() - programAgeMs();
  const loaded = await loadPlan(choice, { freePorts: true });
  await run(cli, loaded, { ...flags, startedAt, manager }, async (loader) => {
    try {
      await loader.startAll();
    } catch (error) {
      if (!(error instanceof LoaderError)) throw error; // an expected one is in the log, and in the exit code
    }
  });
}
