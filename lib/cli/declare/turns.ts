/** The turns of talk. */
import { buildCommand, buildRouteMap } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

export const turns = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import("../turns.ts")).list,
      parameters: { flags: { config, demo, json } },
      docs: { brief: "The last turns with p50 and p95 of each stage, and which stage has become slow" },
    }),
    show: buildCommand({
      loader: async () => (await import("../turns.ts")).show,
      parameters: {
        flags: { config, demo, json },
        positional: {
          kind: "tuple",
          parameters: [{
            brief: "Turn: last, or -2 for the one before the last",
            parse: String,
            placeholder: "TURN",
            optional: true,
          }],
        },
      },
      docs: { brief: "One turn, stage by stage, beside what is usual" },
    }),
  },
  defaultCommand: "list",
  docs: { brief: "Turns of talk: wake word, transcription, first token, first sound, answer" },
});
