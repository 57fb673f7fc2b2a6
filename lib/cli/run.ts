/** A loader from its beginning to its end, with its log and its board: what `up`, `demo` and a take-over have in common. */
import type { LoaderOptions } from "../loader/assembly.ts";
import type { Loaded } from "../loader/load_plan.ts";
import { LoaderService } from "../loader/loader.ts";
import { Log } from "../log/mod.ts";
import { systemClock } from "../sys/clock.ts";
import type { ServiceManager } from "../sys/service_manager.ts";
import { platformLimits } from "../sys/self.ts";
import { isTerminal } from "../sys/terminal.ts";
import type { Board } from "./board.ts";
import type { Cli } from "./context.ts";

export interface RunFlags {
  debug?: boolean;
  plain?: boolean;
  /** An earlier version of the program executes this one, and this file says what it hands over. */
  takeOver?: string;
  /** Only says whether it would. */
  rehearse?: boolean;
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

/** Has a loader `begin`, and lets it go on to its end, as signals want it. */
export async function run(
  cli: Cli,
  { plan, history, reread, demoPorts }: Loaded,
  { debug, plain, startedAt, handed, manager }: RunFlags & Pick<LoaderOptions, "startedAt" | "handed"> & {
    manager: ServiceManager | null;
  },
  begin: (loader: LoaderService) => Promise<void>,
): Promise<void> {
  const shown = plain ? null : await openBoard();
  await using log = new Log({ dir: null, console: shown?.target ?? "stdout", debug });
  await using board = shown; // goes before the log, whose last lines stand alone
  const limits = platformLimits();
  if (limits !== null) log.warning("LOADER", limits);
  const loader = new LoaderService(plan, {
    log,
    startedAt,
    history,
    reread,
    ownProcess: true,
    handed,
    demoPorts,
  });
  board?.show(loader, history);
  if (handed) await begin(loader); // a take-over is not stopped half way
  await using _link = await linkTo(manager, loader, log);
  const { stop, kill } = cli.signals;
  const onStop = () => void loader.stopAll(String(stop.reason));
  const onKill = () => loader.killAll();
  stop.addEventListener("abort", onStop, { once: true });
  kill.addEventListener("abort", onKill, { once: true });
  if (stop.aborted) onStop();
  cli.signals.onReload(() => void loader.reload({ by: "SIGHUP" }).catch(() => {})); // what is wrong is in the log
  if (!handed) await begin(loader);
  cli.process.exitCode = await loader.ended;
}
