/** `upgrade`, and `reload --exec`: another version of the program in the place of the one that runs. */
import { ExitCode, LoaderError } from "../errors.ts";
import { takenOver, upgrade as upgradeRoute } from "../api/routes/upgrade.ts";
import type { ControlClient } from "../api/client.ts";
import type { TakeOver, UpgradeBegun } from "../api/types.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import { systemClock } from "../sys/clock.ts";
import { realPath, workingDirectory } from "../sys/host.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

interface UpgradeFlags extends JsonFlags {
  sha256?: string;
  rollback?: boolean;
}

/** Longer than a version has to take over, and the one before to do it again. */
const patienceMs = 25_000;
const lookMs = 50;

export async function upgrade(this: Cli, flags: UpgradeFlags, file?: string): Promise<void> {
  if ((file === undefined) !== (flags.rollback ?? false)) {
    throw new LoaderError("usage", "say which file, or --rollback", {
      hint: "alexa-loader upgrade ./alexa-loader-1.2.0",
    });
  }
  const path = file === undefined
    ? null
    : realPath(file.startsWith("/") ? file : `${workingDirectory()}/${file}`);
  await exchange(this, flags, {
    ...(path === null ? { rollback: "true" } : { file: path }),
    ...sumOf(flags),
  });
}

/** `reload --exec` */
export async function reloadExec(cli: Cli, flags: JsonFlags): Promise<void> {
  await exchange(cli, flags, {});
}

const sumOf = ({ sha256 }: UpgradeFlags): { sha256?: string } => sha256 === undefined ? {} : { sha256 };

async function exchange(cli: Cli, flags: JsonFlags, query: Record<string, string>): Promise<void> {
  const { client } = await connect(flags);
  const { signals: { stop: signal } } = cli;
  const begun = await client.ask(upgradeRoute, { query, withinMs: null, signal });
  const done = await outcome(client, begun, signal);
  if (flags.json) print(JSON.stringify(done, null, 2));
  else if (done.returned === null) {
    print(`${done.from} -> ${done.to}: ${done.services} services go on, unsupervised for ${done.gap_ms} ms`);
  } else print(`${done.to} goes on: ${begun.to} did not take over (${done.returned})`);
  if (done.returned !== null) cli.process.exitCode = ExitCode.boot;
}

/** Waits until the version that runs says how it came to that. */
async function outcome(client: ControlClient, begun: UpgradeBegun, signal: AbortSignal): Promise<TakeOver> {
  const end = systemClock.now() + patienceMs;
  for (;;) {
    try {
      const last = await client.ask(takenOver, { signal });
      if (last && last.at >= begun.at) return last;
    } catch (error) {
      // The socket stays open all the time: if nobody is there, the loader was stopped.
      const gone = error instanceof LoaderError && error.code === "not_running";
      if (gone || signal.aborted || systemClock.now() > end) throw error;
    }
    if (systemClock.now() > end) {
      throw new LoaderError("control_failed", "the loader does not say how it went", { hint: "see its log" });
    }
    await systemClock.sleep(lookMs, signal);
  }
}
