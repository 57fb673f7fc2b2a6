/**
 * The command line: one file per command, loaded when it is called. Spec: §0; every command's `--help` teaches it.
 *
 * A command returns nothing (exit 0), an exit code, or throws a LoaderError, which carries its own.
 */
import { buildApplication, buildCommand, buildRouteMap, run } from "@stricli/core";
import { ExitCode, LoaderError, reasonOf } from "../errors.ts";
import { versionText } from "../sys/self.ts";
import { print, printError } from "../sys/terminal.ts";
import { version } from "../version.ts";
import type { SignalSource } from "../sys/process/signals.ts";
import type { Cli } from "./context.ts";

const config = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "FILE",
  brief:
    "Configuration; default ./config/loader.yaml, then alexa-loader/loader.yaml in the XDG configuration folder",
} as const;
const demo = {
  kind: "boolean",
  optional: true,
  brief: "The built-in demo assistant instead of a configuration file",
} as const;
const json = { kind: "boolean", optional: true, brief: "Print JSON for scripts" } as const;
const debug = {
  kind: "boolean",
  optional: true,
  brief: "Show DEBUG lines on the console too (files have them always)",
} as const;

const serviceName = { brief: "Name of the service", parse: String, placeholder: "SERVICE" } as const;
const bootId = {
  brief: "Boot: the beginning of its id, last, or -2 for the one before the last",
  parse: String,
  placeholder: "ID",
} as const;

const up = buildCommand({
  loader: async () => (await import("./up.ts")).up,
  parameters: { flags: { config, debug } },
  docs: {
    brief: "Boot the assistant and keep it running until Ctrl-C",
    fullDescription:
      "Starts the services in order, each when the one before is ready and warm; greets once; watches and restarts them;\n" +
      "stops them in order on Ctrl-C. Exit codes: 0 stopped cleanly, 2 usage or configuration, 3 precheck, 4 boot failed,\n" +
      "6 stopped but for something that could not be ended, 130 killed by a second signal.",
  },
});
const demoCommand = buildCommand({
  loader: async () => (await import("./up.ts")).demo,
  parameters: { flags: { debug } },
  docs: {
    brief: "Boot the built-in demo assistant: nothing to install, no GPU, no sound card",
    fullDescription:
      "Four stand-in services, real child processes that speak the real contract, on the ports 5001 to 5004 or on free ones\nwhere these are busy. Ctrl-C stops it.",
  },
});
const check = buildCommand({
  loader: async () => (await import("./inspect.ts")).check,
  parameters: {
    flags: {
      config,
      demo,
      json,
      all: { kind: "boolean", optional: true, brief: "Print the configuration with every default, too" },
    },
  },
  docs: { brief: "Validate the configuration: what is wrong, what is odd, and the verdict" },
});
const plan = buildCommand({
  loader: async () => (await import("./inspect.ts")).plan,
  parameters: { flags: { config, demo, json } },
  docs: { brief: "Show the boot plan: order, overlap, probes, timeouts and where they come from, warm-ups" },
});
const init = buildCommand({
  loader: async () => (await import("./init.ts")).init,
  parameters: {
    flags: {
      config: { ...config, brief: "Write the configuration to FILE instead of config/loader.yaml" },
      from: {
        kind: "enum",
        values: ["demo"],
        optional: true,
        brief: "Start from the demo: all four services, STT and LLM played by the program's stand-ins",
      },
    },
  },
  docs: {
    brief: "Write a commented starter configuration and a small KWD and TTS in Python",
    fullDescription:
      "Writes config/loader.yaml, services/kwd_service.py and services/tts_service.py into this folder.\nNever overwrites a file.",
  },
});
const status = buildCommand({
  loader: async () => (await import("./running.ts")).status,
  parameters: { flags: { config, demo, json } },
  docs: { brief: "Show the running loader: state, services, what works (exit 5: none runs)" },
});
const restart = buildCommand({
  loader: async () => (await import("./running.ts")).restart,
  parameters: {
    flags: { config, demo, json },
    positional: { kind: "tuple", parameters: [serviceName] },
  },
  docs: { brief: "Replace one service of the running loader by a fresh copy" },
});
const stop = buildCommand({
  loader: async () => (await import("./running.ts")).stop,
  parameters: { flags: { config, demo } },
  docs: { brief: "Stop the running loader and wait until it has gone" },
});
const vram = buildCommand({
  loader: async () => (await import("./vram.ts")).vram,
  parameters: {
    flags: {
      config,
      demo,
      json,
      watch: { kind: "boolean", optional: true, brief: "Again every 2 s until Ctrl-C" },
    },
  },
  docs: { brief: "Show GPU memory: total, used, free, per service and per stranger" },
});

const boots = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import("./boots.ts")).list,
      parameters: { flags: { config, demo, json } },
      docs: { brief: "All boots, with p50, p95 and a verdict on each" },
    }),
    show: buildCommand({
      loader: async () => (await import("./boots.ts")).show,
      parameters: {
        flags: {
          config,
          demo,
          json,
          svg: {
            kind: "parsed",
            parse: String,
            optional: true,
            placeholder: "FILE",
            brief: "Write the timeline as SVG",
          },
          html: {
            kind: "parsed",
            parse: String,
            optional: true,
            placeholder: "FILE",
            brief: "Write one self-contained page",
          },
          trace: {
            kind: "parsed",
            parse: String,
            optional: true,
            placeholder: "FILE",
            brief: "Write a Chrome/Perfetto trace",
          },
        },
        positional: { kind: "tuple", parameters: [{ ...bootId, optional: true }] },
      },
      docs: { brief: "One boot: waterfall, critical chain, time added by the loader itself" },
    }),
    diff: buildCommand({
      loader: async () => (await import("./boots.ts")).diff,
      parameters: {
        flags: { config, demo, json },
        positional: { kind: "tuple", parameters: [bootId, bootId] },
      },
      docs: { brief: "Two boots side by side, stage by stage" },
    }),
  },
  defaultCommand: "list",
  docs: { brief: "Boot history: figures, waterfall, comparisons" },
});

const app = buildApplication(
  buildRouteMap({
    routes: { up, demo: demoCommand, check, plan, init, status, restart, stop, vram, boots },
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
  await run(app, args, { process: streams, signals } as Cli);
  const code = Number(streams.exitCode ?? 0);
  return code < 0 ? ExitCode.usage : code; // stricli's own codes for wrong usage are negative
}
