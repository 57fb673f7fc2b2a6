/** `selftest`: the running assistant proves that it hears and speaks. */
import { ExitCode } from "../errors.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import { loadPlan } from "../loader/load_plan.ts";
import { testAndKeep } from "../loader/selftest.ts";
import { systemClock as clock } from "../sys/clock.ts";
import { isTerminal, print, printError } from "../sys/terminal.ts";
import { renderSelftest } from "../ui/selftest_view.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

export async function selftest(
  this: Cli,
  flags: Pick<ConfigChoice, "config"> & { json?: boolean; say?: string },
): Promise<void> {
  const { client } = await connect(flags);
  const { boot } = await client.status();
  const { plan } = await loadPlan(flags);
  const options = { boot, clock, signal: this.signals.stop, sentence: flags.say };
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
