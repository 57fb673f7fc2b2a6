/**
 * Ready when `describe` is answered with an `info` that offers what is expected. openWakeWord falls back silently to another
 * word when it does not know the configured one, so only the list tells. Spec: §6; CONTRACT §2.
 */
import {
  encodeEvent,
  eventReader,
  isNamed,
  readInfo,
  WyomingError,
  type WyomingOffer,
} from "../protocols/wyoming.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { connectTcp } from "../sys/net/tcp.ts";
import { elsewhere, host, hostPort, owner, probeKind } from "./kind.ts";
import { attempt, ready, waiting, wrong } from "./results.ts";
import type { ProbeResult } from "./types.ts";

type WyomingSpec = { host: string; port: number; expect: Record<string, string> };

/** A server may say other things before its `info`, but not for ever. */
const maxEventsBeforeInfo = 64;

export const wyoming = probeKind({
  type: "wyoming",
  schema: (shapes) => {
    const { z, port } = shapes;
    return z.strictObject({
      type: z.literal("wyoming").describe("Ready when `describe` is answered with `info`"),
      host: host(shapes),
      port: port().describe("Port of the Wyoming server"),
      expect: z.record(z.string(), z.string()).default({}).describe(
        "What the info must contain, such as `{wake: alexa}`",
      ),
      owner: owner(shapes, elsewhere),
    });
  },
  portOf: hostPort,
  plan: ({ host, port, expect }) => ({ host, port, expect }),
  describe: ({ host, port, expect }) =>
    `wyoming ${host}:${port}${Object.entries(expect).map(([kind, name]) => ` ${kind}=${name}`).join("")}`,
  create: (spec, _target, { clock, link }) => ({
    check: (options) =>
      attempt(clock, options, async (signal) => {
        using stream = await connectTcp(spec.host, spec.port, signal, link);
        await stream.write(encodeEvent("describe"));
        const events = eventReader(stream);
        try {
          for (let seen = 0; seen < maxEventsBeforeInfo; seen++) {
            const event = await events.next();
            if (event === null) return waiting("closed the connection without an info");
            if (event.type === "info") return compare(spec.expect, readInfo(event.data));
          }
          return wrong(`${maxEventsBeforeInfo} events and no info among them`);
        } catch (error) {
          if (error instanceof WyomingError) return wrong(`does not speak Wyoming: ${error.message}`);
          throw error;
        }
      }),
  }),
});

/** For whoever wants to know what a service's words are expected to be. */
export function isWyoming(probe: ProbeSpec): probe is ProbeSpec & WyomingSpec {
  return probe.type === wyoming.type;
}

/** What servers do without a word when they do not have what is asked for. */
const instead: Record<string, string> = {
  wake: "listen for another word, and not say so",
  tts: "speak with another voice, or not at all",
  asr: "transcribe with another model, or not at all",
};

function compare(expected: Record<string, string>, offer: WyomingOffer): ProbeResult {
  for (const [kind, name] of Object.entries(expected)) {
    const names = Object.hasOwn(offer, kind) ? offer[kind]! : [];
    if (!names.some((offered) => isNamed(offered, name))) {
      const meaning = names.length > 0 && kind in instead
        ? `: it would ${instead[kind]}; expect one of these, or give it ${name}`
        : "";
      return wrong(`info has no ${kind} "${name}"; there is ${listed(names)}${meaning}`);
    }
  }
  const kinds = Object.keys(offer);
  return ready(kinds.length > 0 ? `info: ${kinds.join(", ")}` : "info");
}

function listed(names: string[]): string {
  if (names.length === 0) return "none";
  const rest = names.length - 8;
  return names.slice(0, 8).map((name) => name.slice(0, 60)).join(", ") +
    (rest > 0 ? ` and ${rest} more` : "");
}
