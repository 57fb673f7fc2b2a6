/** Commands about a configuration; none needs a loader. */
import { buildCommand } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

export const check = buildCommand({
  loader: async () => (await import("../inspect.ts")).check,
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
export const plan = buildCommand({
  loader: async () => (await import("../inspect.ts")).plan,
  parameters: { flags: { config, demo, json } },
  docs: { brief: "Show the boot plan: order, overlap, probes, timeouts and where they come from, warm-ups" },
});
export const init = buildCommand({
  loader: async () => (await import("../init.ts")).init,
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
