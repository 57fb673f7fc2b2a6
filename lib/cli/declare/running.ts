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
export const stop = buildCommand({
  loader: async () => (await import("../running.ts")).stop,
  parameters: { flags: { config, demo } },
  docs: { brief: "Stop the running loader and wait until it has gone" },
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
