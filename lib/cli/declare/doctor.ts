/** The command that finds what is wrong. */
import { buildCommand } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

export const doctor = buildCommand({
  loader: async () => (await import("../doctor.ts")).doctor,
  parameters: {
    flags: {
      config,
      demo,
      json,
      bundle: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Write all that was seen, with configuration, status, boots and log lines, without secrets",
      },
    },
  },
  docs: {
    brief: "Find what is wrong with machine, configuration or running loader, and say what mends it",
    fullDescription:
      "Looks at GPU, sound, models, ports, memory, disks, limits and the loader itself, with or without a configuration and a\n" +
      "running loader; takes at most 3 s, needs no root, changes nothing. Exit codes: 0 healthy (warnings do not count),\n" +
      "2 usage, 3 something failed: each such finding ends with what to do.",
  },
});
