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
        values: ["demo", "spec", "debian", "wyoming", "ollama-wyoming", "llamacpp", "external"],
        optional: true,
        brief: "Write this one, whatever is found here; --list says what each is",
      },
      list: { kind: "boolean", optional: true, brief: "List what there is for --from" },
    },
  },
  docs: {
    brief: "Look what is here, and write a commented configuration for it",
    fullDescription:
      "Looks for Ollama, llama-server, Wyoming servers, engines and sound on this machine, and shows what it found. Where that makes a whole assistant it writes config/loader.yaml for it, with a satellite that listens and speaks; else a starter with a small KWD and TTS in Python.\nNever overwrites a file.",
  },
});
