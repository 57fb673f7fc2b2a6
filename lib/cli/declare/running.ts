/** Commands that ask or steer the running loader. */
import { buildCommand } from "@stricli/core";
import { config, demo, json, serviceName } from "./flags.ts";

export const status = buildCommand({
  loader: async () => (await import("../running.ts")).status,
  parameters: { flags: { config, demo, json } },
  docs: { brief: "Show the running loader: state, services, what works (exit 5: none runs)" },
});
export const restart = buildCommand({
  loader: async () => (await import("../running.ts")).restart,
  parameters: {
    flags: { config, demo, json },
    positional: { kind: "tuple", parameters: [serviceName] },
  },
  docs: { brief: "Replace one service of the running loader by a fresh copy" },
});
export const start = buildCommand({
  loader: async () => (await import("../running.ts")).start,
  parameters: {
    flags: { config, demo, json },
    positional: { kind: "tuple", parameters: [serviceName] },
  },
  docs: { brief: "Start a service of the running loader that was stopped or given up" },
});
export const stop = buildCommand({
  loader: async () => (await import("../running.ts")).stop,
  parameters: {
    flags: { config, demo, json },
    positional: { kind: "tuple", parameters: [{ ...serviceName, optional: true }] },
  },
  docs: {
    brief: "Stop the running loader and wait until it has gone; or one service, until it is started again",
    fullDescription:
      "Without a SERVICE: stops everything, in order. With one: only that; the others go on, and the loader counts it\n" +
      "as stopped by you, not as lost. It stays so until `start` or `restart`, or until the loader is started anew.",
  },
});
export const mute = buildCommand({
  loader: async () => (await import("../running.ts")).mute,
  parameters: { flags: { config, demo, json } },
  docs: {
    brief:
      "Mute the wake word: nobody listens until `unmute`, also after a crash or restart of the wake word service",
  },
});
export const unmute = buildCommand({
  loader: async () => (await import("../running.ts")).unmute,
  parameters: { flags: { config, demo, json } },
  docs: { brief: "Listen for the wake word again" },
});
export const explain = buildCommand({
  loader: async () => (await import("../explain.ts")).explain,
  parameters: {
    flags: { config, demo, json },
    positional: { kind: "tuple", parameters: [{ ...serviceName, optional: true }] },
  },
  docs: {
    brief:
      "Say why it does not work: the cause, what was tried since, who is in the way, and what a start waits for",
  },
});
export const reload = buildCommand({
  loader: async () => (await import("../reload.ts")).reload,
  parameters: {
    flags: {
      config,
      demo,
      json,
      dryRun: { kind: "boolean", optional: true, brief: "Only say what would change, and what it costs" },
      exec: {
        kind: "boolean",
        optional: true,
        brief:
          "Not the configuration: execute the program that is installed in the place of the one that runs",
      },
    },
  },
  docs: {
    brief: "Have the running loader read its configuration again, and restart only what has changed",
    fullDescription:
      `Reads the configuration again as the running loader sees it (its environment, its folder). What is wrong in it, or in
its way (a command that is not there, a busy port), is told and nothing changes. Else the difference is told, and then:
services that are gone are stopped; those whose command, environment, folder, port or role has changed, and new ones, are
started one after the other in start order; all others keep their processes. What cannot change while the loader runs
(folders, logs, GPU polling, on_loader_death) is named. Exit 4: something did not come up.
SIGHUP does the same where no terminal controls the loader (systemd, cron); where one does, it is a hang-up, and stops.
--exec restarts the loader itself in place, and nothing else: same pid, same services (see upgrade).`,
  },
});
export const vram = buildCommand({
  loader: async () => (await import("../vram.ts")).vram,
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
export const mcp = buildCommand({
  loader: async () => (await import("../mcp.ts")).mcp,
  parameters: {
    flags: {
      config,
      demo,
      allowActions: {
        kind: "boolean",
        optional: true,
        brief: "Also offer what acts: restart, stop, reload; without it nothing changes",
      },
    },
  },
  docs: {
    brief:
      "Serve the running loader to a language model as tools (Model Context Protocol, over standard input)",
    fullDescription:
      "For a client that starts it by itself: command `alexa-loader`, arguments `mcp`. The tools are those of the control API:\n" +
      "status, logs, boots, vram, doctor and so on; they only look, unless --allow-actions is given.",
  },
});
