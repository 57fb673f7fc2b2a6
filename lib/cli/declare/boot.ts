/** Commands that are a loader. */
import { buildCommand } from "@stricli/core";
import { config, debug, plain, rehearse, takeOver } from "./flags.ts";

export const up = buildCommand({
  loader: async () => (await import("../up.ts")).up,
  parameters: { flags: { config, debug, plain, takeOver, rehearse } },
  docs: {
    brief: "Boot the assistant and keep it running until Ctrl-C",
    fullDescription:
      "Starts the services in order, each when the one before is ready and warm; greets once; watches and restarts them;\n" +
      "stops them in order on Ctrl-C. Exit codes: 0 stopped cleanly, 2 usage or configuration, 3 precheck, 4 boot failed,\n" +
      "6 stopped but for something that could not be ended, 130 killed by a second signal.",
  },
});
export const demo = buildCommand({
  loader: async () => (await import("../up.ts")).demo,
  parameters: { flags: { debug, plain, takeOver, rehearse } },
  docs: {
    brief: "Boot the built-in demo assistant: nothing to install, no GPU, no sound card",
    fullDescription:
      "Four stand-in services, real child processes that speak the real contract, on the ports 5001 to 5004 or on free ones\nwhere these are busy. Ctrl-C stops it.",
  },
});
