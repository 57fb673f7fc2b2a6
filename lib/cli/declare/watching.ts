/** Commands that tell what happens and has happened. */
import { buildCommand } from "@stricli/core";
import { config, demo, json } from "./flags.ts";

const follow = { kind: "boolean", optional: true, brief: "Go on with what comes, until Ctrl-C" } as const;

export const logs = buildCommand({
  loader: async () => (await import("../logs.ts")).logs,
  parameters: {
    flags: {
      config,
      demo,
      json,
      follow,
      since: {
        kind: "parsed",
        parse: duration,
        optional: true,
        placeholder: "TIME",
        brief: "Not older than this: 30s, 10m, 2h, 1d",
      },
      grep: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "RE",
        brief:
          "Only lines that this regular expression fits (RE2's syntax: no look-around, no back references)",
      },
      tail: {
        kind: "parsed",
        parse: count,
        optional: true,
        placeholder: "N",
        brief: "The last N lines; 100, or with --since all",
      },
    },
    aliases: { f: "follow" },
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "Only of this service; `loader` has its own lines",
        parse: String,
        placeholder: "SERVICE",
        optional: true,
      }],
    },
  },
  docs: { brief: "Show the log, rotated files too; works without a running loader" },
});
export const events = buildCommand({
  loader: async () => (await import("../events.ts")).events,
  parameters: { flags: { config, demo, json, follow }, aliases: { f: "follow" } },
  docs: { brief: "Show what has happened in the running loader, fact by fact (--json: one object per line)" },
});
export const wait = buildCommand({
  loader: async () => (await import("../events.ts")).wait,
  parameters: {
    flags: {
      config,
      demo,
      json,
      for: {
        kind: "enum",
        values: ["ready", "stopped"],
        optional: true,
        brief: "What is waited for; ready: everything works",
      },
      timeout: {
        kind: "parsed",
        parse: duration,
        optional: true,
        placeholder: "TIME",
        brief: "For how long: 30s, 10m; 120s when left out (exit 4 then)",
      },
    },
  },
  docs: { brief: "Wait until the running loader is ready, or until none runs" },
});

const unit = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** "10m" -> 600 s. */
function duration(text: string): number {
  const [, number, of] = /^(\d{1,7}(?:\.\d{1,3})?)([smhd]?)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`${JSON.stringify(text)} is no time: 30s, 10m, 2h or 1d is`);
  return Number(number) * unit[(of || "s") as keyof typeof unit];
}

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new Error(`${JSON.stringify(text)} is no whole number`);
  return Number(text);
}
