/** `doctor`: what is wrong with machine, configuration or running loader, and the command that mends it. */
import { connectControl } from "../api/client.ts";
import { controlSocket } from "../api/types.ts";
import { ConfigError, renderProblem } from "../config/problem.ts";
import { bundle, diagnose, type DoctorOptions } from "../doctor/mod.ts";
import { ExitCode, LoaderError, reasonOf } from "../errors.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { deadline, systemClock } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";
import { writeAtomically } from "../sys/files/files.ts";
import { isTerminal, print, printError } from "../sys/terminal.ts";
import { renderDoctor } from "../ui/doctor_view.ts";
import type { Cli } from "./context.ts";

/** With the look itself it stays below 3 s. */
const askMs = 1000;

export async function doctor(
  this: Cli,
  flags: ConfigChoice & { json?: boolean; bundle?: string },
): Promise<void> {
  const signal = this.signals.stop, env = environment();
  const { report, facts } = await diagnose({ ...await known(flags, signal), env, signal });
  print(flags.json ? JSON.stringify(report, null, 2) : renderDoctor(report, { color: isTerminal() }));
  if (!report.healthy) this.process.exitCode = ExitCode.precheck;
  if (flags.bundle === undefined) return;
  const configPath = facts.config.path ?? flags.config ?? null;
  const text = await bundle({ report, facts, configPath, env });
  try {
    writeAtomically(flags.bundle, text);
  } catch (error) {
    throw new LoaderError("usage", `cannot write ${flags.bundle}: ${reasonOf(error)}`, {
      hint: "name a file in a folder that you may write",
    });
  }
  printError(
    `wrote ${flags.bundle}: secrets are taken out; it has the last log lines, so look before you send it`,
  );
}

/** Of configuration and running loader, as far as there is any. @throws for a file that was named and cannot be read. */
async function known(
  flags: ConfigChoice,
  signal: AbortSignal,
): Promise<Omit<DoctorOptions, "env" | "signal">> {
  const nothing = { plan: null, status: null, records: [] };
  try {
    const { plan, history } = await loadPlan(flags);
    return { plan, records: history.records, ...await asked(controlSocket(plan.dirs.runtime), signal) };
  } catch (error) {
    if (error instanceof ConfigError) {
      const file = flags.config ?? "the configuration";
      return { ...nothing, problems: error.problems.map((problem) => oneLine(renderProblem(file, problem))) };
    }
    if (error instanceof LoaderError && flags.config === undefined) return nothing;
    throw error;
  }
}

const oneLine = (text: string) => text.split("\n")[0]!;

async function asked(
  socket: string,
  signal: AbortSignal,
): Promise<Pick<DoctorOptions, "status" | "unanswered">> {
  using limit = deadline(systemClock, askMs, signal);
  try {
    return { status: await connectControl(socket).status(limit.signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) return { status: null, unanswered: `no answer within ${askMs / 1000} s` };
    if (!(error instanceof LoaderError)) throw error;
    return { status: null, unanswered: error.code === "not_running" ? null : error.message };
  }
}
