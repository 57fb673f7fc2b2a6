/** `selftest`: the running assistant proves that it hears and speaks. */
import * as muting from "../api/routes/mute.ts";
import { ExitCode, reasonOf } from "../errors.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import { loadPlan } from "../loader/load_plan.ts";
import { testAndKeep } from "../loader/selftest.ts";
import { systemClock as clock } from "../sys/clock.ts";
import { runCommand } from "../sys/process/command.ts";
import { isTerminal, print, printError } from "../sys/terminal.ts";
import { renderSelftest } from "../ui/selftest_view.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

export async function selftest(
  this: Cli,
  flags: Pick<ConfigChoice, "config"> & { json?: boolean; say?: string; sound?: boolean },
): Promise<void> {
  const { client } = await connect(flags);
  const { boot, muted } = await client.status();
  const { plan } = await loadPlan(flags);
  const { stop } = this.signals;
  /** With the wake word muted, so that nobody answers to it; a person's own mute stays. */
  const quietly = async <T>(act: () => Promise<T>): Promise<T> => {
    const ours = !muted && await client.ask(muting.mute, { signal: stop }).then(() => true, (error) => {
      stop.throwIfAborted();
      printError(`warning: the wake word cannot be muted meanwhile, so it may hear this: ${reasonOf(error)}`);
      return false;
    });
    try {
      return await act();
    } finally {
      if (ours) await client.ask(muting.unmute);
    }
  };
  const sound = flags.sound ? { run: runCommand, quietly } : undefined;
  const options = { boot, clock, signal: stop, sentence: flags.say, sound };
  const { report, usual, warnings } = await testAndKeep(plan, options);
  for (const warning of warnings) printError(`warning: ${warning}`);
  print(
    flags.json
      ? JSON.stringify({ ...report, usual }, null, 2)
      : renderSelftest(report, usual, { color: isTerminal() }),
  );
  const verdicts = report.stages.map(({ verdict }) => verdict);
  if (verdicts.includes("failed")) this.process.exitCode = ExitCode.boot;
  else if (!verdicts.includes("right")) this.process.exitCode = ExitCode.unknowable;
}
