/** Commands that change the program that runs. */
import { buildCommand } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

export const upgrade = buildCommand({
  loader: async () => (await import("../upgrade.ts")).upgrade,
  parameters: {
    flags: {
      config,
      demo,
      json,
      sha256: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "SUM",
        brief: "What the file's SHA-256 must be; default: what a SHA256SUMS beside it says",
      },
      rollback: { kind: "boolean", optional: true, brief: "Back to the file that the last upgrade replaced" },
    },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "The new program", parse: String, placeholder: "FILE", optional: true }],
    },
  },
  docs: {
    brief: "Another version of the program takes over in place: nothing is restarted",
    fullDescription:
      "Checks FILE (its sum, that it runs here, that it takes this configuration, and in a rehearsal with the real state that\n" +
      "it would take over), puts it in the place of the program's file (the old one stays beside it as .previous) and executes\n" +
      "it in the running process: same pid, same services, no line of the log lost. A version that does not take over within\n" +
      "10 s is rolled back. Exit 4: it was.",
  },
});
