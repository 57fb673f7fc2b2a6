/** `up --take-over=FILE`: what `upgrade` and `reload --exec` have this version executed with. People never write it. */
import { LoaderError, reasonOf } from "../errors.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { fallBack, limitSec, rehearsed } from "../loader/takeover/hand_over.ts";
import { readHandover } from "../loader/takeover/handover.ts";
import { begin, whyNot } from "../loader/takeover/take_over.ts";
import { systemClock } from "../sys/clock.ts";
import { takeServiceManager } from "../sys/service_manager.ts";
import { bareImage } from "../sys/own_image.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";
import { run, type RunFlags } from "./run.ts";

/** The version before needs some of the kernel's limit, too. */
const patienceMs = (limitSec - 3) * 1000;

export async function takeOver(
  cli: Cli,
  choice: ConfigChoice,
  flags: RunFlags,
  path: string,
): Promise<void> {
  const handed = readHandover(path);
  if (typeof handed === "string") throw new LoaderError("usage", `cannot take over: ${handed}`);
  const { demoPorts, startedAt } = handed;
  if (flags.rehearse) {
    const why = whyNot(handed, (await loadPlan(choice, { demoPorts })).plan);
    if (why !== null) throw new LoaderError("usage", `cannot take over: ${why}`);
    return print(`${rehearsed}\n${JSON.stringify(bareImage())}`);
  }
  begin(handed);
  const manager = takeServiceManager();
  const late = `it had not taken over within ${patienceMs / 1000} s`;
  using limit = systemClock.after(patienceMs, () => fallBack(handed, path, late));
  /** If that fails the version before goes on, and this one ends here. */
  const orGiveBack = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      fallBack(handed, path, reasonOf(error));
      throw error; // the version before cannot be executed either: its watcher does it
    }
  };
  const loaded = await orGiveBack(() => loadPlan(choice, { demoPorts }));
  await run(cli, loaded, { ...flags, startedAt, handed, manager }, async (loader) => {
    await orGiveBack(() => loader.takeOver());
    limit[Symbol.dispose]();
  });
}
