/** Commands that do once what a boot does, for whoever supervises in its place. None needs a loader. */
import { buildCommand } from "@stricli/core";
import { config, demo, json, serviceName } from "./flags.ts";

const wait = (what: string) => ({ kind: "boolean", optional: true, brief: what }) as const;
const timeout = {
  kind: "parsed",
  parse: (text: string) => {
    const sec = Number(text);
    if (!(sec > 0 && sec <= 86_400)) throw new Error("a number of seconds, more than 0, at most 86400");
    return sec;
  },
  optional: true,
  placeholder: "SEC",
  brief: "How long it may take, s; as configured when left out",
} as const;
const exits =
  "Exit codes: 0 yes, 4 no, 2 usage or configuration; 7: that it is ready is a line of its output or READY=1, which\n" +
  "only its own loader hears, and none runs. Whose listener it is that answers is not looked at.";

export const probe = buildCommand({
  loader: async () => (await import("../one_shot.ts")).probe,
  parameters: {
    flags: {
      config,
      demo,
      json,
      timeout,
      wait: wait("Ask until it is ready, at most its ready timeout or --timeout"),
      health: { kind: "boolean", optional: true, brief: "Ask what health is asked by, instead of readiness" },
    },
    positional: { kind: "tuple", parameters: [serviceName] },
  },
  docs: {
    brief: "Ask once whether a service is ready, for a health check or ExecStartPost",
    fullDescription:
      `Asks what a boot asks, of the same configuration; without --wait once, within 2 s.\n${exits}`,
  },
});
export const warm = buildCommand({
  loader: async () => (await import("../one_shot.ts")).warm,
  parameters: {
    flags: {
      config,
      demo,
      json,
      timeout,
      wait: wait("Wait first until it is ready, at most its ready timeout"),
      once: {
        kind: "boolean",
        optional: true,
        brief: "Only once while this machine or container runs; later: is it ready?",
      },
    },
    positional: { kind: "tuple", parameters: [serviceName] },
  },
  docs: {
    brief: "Warm a service up by one real inference, for a startup probe or ExecStartPost",
    fullDescription:
      `Asks whether it is ready, then does what a boot warms it up with. What it does not offer is a warning.\n${exits}`,
  },
});
export const greet = buildCommand({
  loader: async () => (await import("../one_shot.ts")).greet,
  parameters: {
    flags: {
      config,
      demo,
      timeout,
      wait: wait("Wait until all are ready, at most the sum of their ready timeouts or --timeout"),
      stay: {
        kind: "boolean",
        optional: true,
        brief: "Stay until Ctrl-C, as the main container of a Pod does",
      },
    },
  },
  docs: {
    brief: "Greet and enable the wake word, once while the machine runs, without a loader",
    fullDescription:
      "Says the greeting of the configuration if all services are ready. A mark in the runtime folder keeps it from a\n" +
      "second time, whoever asks; where a loader runs it leaves that to it. Exit codes: 0 greeted, now or before; 4 a\n" +
      "service is not ready, or the greeting failed (the wake word is enabled all the same).",
  },
});
