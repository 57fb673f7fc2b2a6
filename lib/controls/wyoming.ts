/**
 * Wyoming, as Home Assistant's voice services speak it: a TTS that only makes sound, and a satellite that can be paused.
 * Spec: §10, §14; CONTRACT §5.
 */
import type { Sound } from "../protocols/sound.ts";
import { encodeEvent, eventReader, readInfo, WyomingError, type WyomingEvent } from "../protocols/wyoming.ts";
import { deadline } from "../sys/clock.ts";
import { connectTcp, TcpError } from "../sys/net/tcp.ts";
import type { ControlAnswer } from "./answers.ts";
import { controlKind, needed } from "./kind.ts";
import { checkOutput, describeOutput, type Output, outputKeys, planOutput, play } from "./output.ts";

type WyomingSpec =
  & { kind: string; host: string; port: number; voice: string | null; language: string | null }
  & Output;

/** A satellite that belongs to somebody else hangs up at once; one that does not know `ping` says nothing. */
const refusalMs = 500;
const mostEvents = 64;

export const wyoming = controlKind({
  kind: "wyoming",
  schema: (shapes) => {
    const { z, text, port } = shapes;
    return z.strictObject({
      kind: z.literal("wyoming").describe(
        "A Wyoming server: `synthesize`, its sound played here; a satellite is paused and run",
      ),
      host: text(255).optional().describe("Host; that of the readiness probe when left out"),
      port: port().optional().describe("Port; that of the readiness probe when left out"),
      voice: text(255).optional().describe("Voice to speak with; `default_voice` when left out"),
      language: text(35).optional().describe(
        "Language, where no voice is named; `options.language` when left out",
      ),
      ...outputKeys(shapes),
    });
  },
  rules(control, service, found) {
    if (control.port === undefined) needed("port", ["tcp", "wyoming"], service, found);
    checkOutput(control, service, found);
  },
  plan(config, context) {
    const { service: { default_voice, options }, listening } = context;
    const language = options?.language;
    const spec: WyomingSpec = {
      kind: "wyoming",
      host: config.host ?? listening?.host ?? "127.0.0.1",
      port: config.port ?? listening!.port, // the rules saw to it
      voice: config.voice ?? default_voice ?? null,
      language: config.language ?? (typeof language === "string" ? language : null),
      ...planOutput(config, context),
    };
    return spec;
  },
  describe: (spec) => `wyoming ${spec.host}:${spec.port}; its sound to ${describeOutput(spec)}`,
  engine: ({ host, port, voice, language }) => ({ speaks: "wyoming", host, port, voice, language }),
  offers: () => true,
  async speak(spec, { text }, ask) {
    const voice = { name: spec.voice, language: spec.language };
    let sound: Sound | string;
    try {
      const { synthesizeWhole } = await import("../protocols/wyoming_speech.ts");
      using stream = await connectTcp(spec.host, spec.port, ask.signal, ask.link);
      sound = await synthesizeWhole(stream, { text, voice });
    } catch (error) {
      ask.signal.throwIfAborted();
      return lost(`${spec.host}:${spec.port}`, error);
    }
    return typeof sound === "string" ? failed(sound) : await play(sound, spec, ask);
  },
  async mute({ host, port }, verb, _reason, ask): Promise<ControlAnswer> {
    const where = `${host}:${port}`;
    using limit = deadline(ask.clock, ask.timeoutMs, ask.signal);
    try {
      using stream = await connectTcp(host, port, limit.signal, ask.link);
      const events = eventReader(stream);
      await stream.write(encodeEvent("describe"));
      const info = await until(events, "info");
      if (info === null) return failed(`${where} closed the connection instead of answering a describe`);
      const offer = readInfo(info.data);
      if (!("satellite" in offer)) {
        const kinds = Object.keys(offer).join(", ") || "nothing";
        return {
          state: "not_offered",
          detail: `${where} offers ${kinds} and is no satellite: whoever listens with it is to be paused`,
        };
      }
      await stream.write(encodeEvent(verb === "pause" ? "pause-satellite" : "run-satellite"));
      await stream.write(encodeEvent("ping", { text: verb }));
      const patience = Promise.withResolvers<boolean>();
      using _patience = ask.clock.after(refusalMs, () => patience.resolve(true));
      const pong = until(events, "pong").then((event) => event !== null, () => false);
      const taken = await Promise.race([pong, patience.promise]);
      ask.signal.throwIfAborted();
      return taken ? { state: "ok", status: 200, body: { paused: verb === "pause" } } : {
        state: "not_offered",
        detail:
          `the satellite at ${where} belongs to another client, such as Home Assistant, and obeys it alone: ` +
          "let that client pause it, or take it from it",
      };
    } catch (error) {
      ask.signal.throwIfAborted();
      return limit.signal.aborted
        ? failed(`${where}: no answer within ${ask.timeoutMs} ms`)
        : lost(where, error);
    }
  },
});

const failed = (detail: string) => ({ state: "failed", detail }) as const;

/** What a connection that broke off means for whoever asked. */
function lost(where: string, error: unknown): ControlAnswer & { state: "failed" } {
  if (error instanceof WyomingError) return failed(`${where} does not speak Wyoming: ${error.message}`);
  if (error instanceof TcpError) return { ...failed(`${where}: ${error.message}`), lost: true };
  throw error;
}

async function until(events: ReturnType<typeof eventReader>, type: string): Promise<WyomingEvent | null> {
  for (let seen = 0; seen < mostEvents; seen++) {
    const event = await events.next();
    if (event === null || event.type === type) return event;
  }
  throw new WyomingError("too_large", `${mostEvents} events and no ${type} among them`);
}
