/** `up` and `demo`: boot, run until a signal or the end, stop. */
import { LoaderError } from "../errors.ts";
import { LoaderService } from "../loader/loader.ts";
import { Log } from "../log/mod.ts";
import { programAgeMs } from "../sys/host.ts";
import { systemClock } from "../sys/clock.ts";
import { type ServiceManager, takeServiceManager } from "../sys/service_manager.ts";
import { platformLimits } from "../sys/self.ts";
import { isTerminal } from "../sys/terminal.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Board } from "./board.ts";
import type { Cli } from "./context.ts";

interface RunFlags {
  debug?: boolean;
  plain?: boolean;
}

export async function up(this: Cli, flags: RunFlags & { config?: string }): Promise<void> {
  await boot(this, flags, flags);
}

export async function demo(this: Cli, flags: RunFlags): Promise<void> {
  await boot(this, { demo: true }, flags);
}

/** The board at the bottom of the terminal; null where there is none. */
async function openBoard(): Promise<Board | null> {
  if (!isTerminal()) return null;
  const [{ boardTerminal }, { Board }] = await Promise.all([
    import("../sys/terminal_board.ts"),
    import("./board.ts"),
  ]);
  const terminal = boardTerminal();
  return terminal && new Board(terminal);
}

/** Nobody is told where nobody asked for it. */
async function linkTo(manager: ServiceManager | null, loader: LoaderService, log: Log) {
  if (!manager) return null;
  const { ServiceManagerLink } = await import("../outward/mod.ts");
  const warn = (message: string) => log.warning("LOADER", message);
  return new ServiceManagerLink(loader, manager, { clock: systemClock, warn });
}

async function boot(cli: Cli, choice: ConfigChoice, { debug, plain }: RunFlags): Promise<void> {
  const manager = takeServiceManager(); // before anything is started: it inherits the rest
  const startedAt = systemClock.now() - programAgeMs();
  const { plan, history, reread } = await loadPlan(choice, { freePorts: true });
  const shown = plain ? null : await openBoard();
  await using log = new Log({ dir: null, console: shown?.target ?? "stdout", debug });
  await using board = shown; // goes before the log, whose last lines stand alone
  const limits = platformLimits();
  if (limits !== null) log.warning("LOADER", limits);
  const loader = new LoaderService(plan, { log, startedAt, history, reread, ownProcess: true });
  board?.show(loader, history);
  await using _link = await linkTo(manager, loader, log);
  const { stop, kill } = cli.signals;
  const onStop = () => void loader.stopAll(String(stop.reason));
  const onKill = () => loader.killAll();
  stop.addEventListener("abort", onStop, { once: true });
  kill.addEventListener("abort", onKill, { once: true });
  if (stop.aborted) onStop();
  cli.signals.onReload(() => void loader.reload({ by: "SIGHUP" }).catch(() => {})); // what is wrong is in the log
  try {
    await loader.startAll();
  } catch (error) {
    if (!(error instanceof LoaderError)) throw error; // an expected one is in the log, and in the exit code
  }
  cli.process.exitCode = await loader.ended;
}
