/**
 * The command line: one file per command, loaded when it is called; `declare/` has their flags and what `--help` teaches,
 * one file per subject. Spec: §0.
 *
 * A command returns nothing (exit 0), an exit code, or throws a LoaderError, which carries its own.
 */
import { type Application, buildApplication, buildRouteMap, run } from "@stricli/core";
import { ExitCode, LoaderError, reasonOf } from "../errors.ts";
import { versionText } from "../sys/self.ts";
import { print, printError } from "../sys/terminal.ts";
import { version } from "../version.ts";
import type { SignalSource } from "../sys/process/signals.ts";
import type { Cli } from "./context.ts";
import * as boot from "./declare/boot.ts";
import { boots } from "./declare/boots.ts";
import * as configure from "./declare/configure.ts";
import { doctor } from "./declare/doctor.ts";
import * as exports from "./declare/export.ts";
import * as oneShot from "./declare/one_shot.ts";
import * as running from "./declare/running.ts";
import * as shell from "./declare/shell.ts";
import { selftest } from "./declare/selftest.ts";
import { turns } from "./declare/turns.ts";
import { upgrade } from "./declare/upgrade.ts";
import * as watching from "./declare/watching.ts";

/** By name, as they are typed. */
export const commands = {
  ...boot,
  ...configure,
  ...running,
  ...oneShot,
  ...exports,
  ...watching,
  ...shell,
  boots,
  doctor,
  selftest,
  turns,
  upgrade,
};

const app: Application<Cli> = buildApplication(
  buildRouteMap({
    routes: commands,
    docs: {
      brief:
        'Takes a local voice assistant from power-on to "you can talk now", keeps it there, and stops it without a trace.',
    },
  }),
  {
    name: "alexa-loader",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel" },
    documentation: { disableAnsiColor: true },
    determineExitCode: (error) => {
      if (!(error instanceof LoaderError)) return ExitCode.internal;
      return error.exitCode;
    },
    localization: {
      text: {
        ...(await import("@stricli/core")).text_en,
        exceptionWhileRunningCommand: (error) => errorText(error),
        commandErrorResult: (error) => errorText(error),
        exceptionWhileLoadingCommandFunction: (error) => errorText(error),
      },
    },
  },
);

/** An error as people read it: what, then what to do. A fault of the program shows where. */
export function errorText(error: unknown): string {
  if (!(error instanceof LoaderError)) {
    return `internal error: ${error instanceof Error ? error.stack ?? error.message : reasonOf(error)}`;
  }
  return `error: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ""}`;
}

/** Runs one command line to its end; returns the exit code. */
export async function runCli(args: readonly string[], signals: SignalSource): Promise<number> {
  if (args[0] === "--version" || args[0] === "-v") {
    print(versionText(args.includes("--json")));
    return ExitCode.ok;
  }
  const streams = {
    stdout: { write: print },
    stderr: { write: printError },
    exitCode: undefined as number | string | null | undefined,
  };
  await run(app, args, { process: streams, signals, app } as Cli);
  const code = Number(streams.exitCode ?? 0);
  return code < 0 ? ExitCode.usage : code; // stricli's own codes for wrong usage are negative
}
