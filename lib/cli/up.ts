/** `up` and `demo`: boot, run until a signal or the end, stop. */
import { LoaderError } from "../errors.ts";
import { LoaderService } from "../loader/loader.ts";
import { Log } from "../log/mod.ts";
import { programAgeMs } from "../sys/host.ts";
import { systemClock } from "../sys/clock.ts";
import { platformLimits } from "../sys/self.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";

interface UpFlags {
  config?: string;
  debug?: boolean;
}

export async function up(this: Cli, flags: UpFlags): Promise<void> {
  await boot(this, flags, flags.debug);
}

export async function demo(this: Cli, flags: { debug?: boolean }): Promise<void> {
  await boot(this, { demo: true }, flags.debug);
}

async function boot(cli: Cli, flags: ConfigChoice, debug: boolean | undefined): Promise<void> {
  const startedAt = systemClock.now() - programAgeMs();
  const { plan, history } = await loadPlan(flags, { freePorts: true });
  await using log = new Log({ dir: null, console: "stdout", debug });
  const limits = platformLimits();
  if (limits !== null) log.warning("LOADER", limits);
  const loader = new LoaderService(plan, { log, startedAt, history, ownProcess: true });
  const { stop, kill } = cli.signals;
  const onStop = () => void loader.stopAll(String(stop.reason));
  const onKill = () => loader.killAll();
  stop.addEventListener("abort", onStop, { once: true });
  kill.addEventListener("abort", onKill, { once: true });
  if (stop.aborted) onStop();
  try {
    await loader.startAll();
  } catch (error) {
    if (!(error instanceof LoaderError)) throw error; // an expected one is in the log, and in the exit code
  }
  cli.process.exitCode = await loader.ended;
}
