/** The boot history. */
import { buildCommand, buildRouteMap } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

const bootId = {
  brief: "Boot: the beginning of its id, last, or -2 for the one before the last",
  parse: String,
  placeholder: "ID",
} as const;

export const boots = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import("../boots.ts")).list,
      parameters: { flags: { config, demo, json } },
      docs: { brief: "All boots, with p50, p95 and a verdict on each" },
    }),
    show: buildCommand({
      loader: async () => (await import("../boots.ts")).show,
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
      loader: async () => (await import("../boots.ts")).diff,
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
