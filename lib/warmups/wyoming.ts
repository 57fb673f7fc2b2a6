/** One transcription or synthesis over Wyoming, its result thrown away. Spec: §9; CONTRACT §4. */
import { encodeEvent, eventReader, readInfo, WyomingError } from "../protocols/wyoming.ts";
import { synthesize, transcribe } from "../protocols/wyoming_speech.ts";
import { deadline } from "../sys/clock.ts";
import { connectTcp, TcpError, type TcpStream } from "../sys/net/tcp.ts";
import { audioClip, sampleRate } from "./clip.ts";
import {
  audio,
  audioMs,
  isAskedBy,
  language,
  languageOf,
  needed,
  nothing,
  spokenText,
  usualAudioMs,
  usualText,
  warmupKind,
} from "./kind.ts";
import { failed, inSeconds, type RunContext } from "./results.ts";

type Transcription = { ask: "transcribe"; audio: "speech" | "silence"; audioMs: number };
type Synthesis = { ask: "synthesize"; voice: string | null; text: string };
type WyomingSpec = { kind: string; host: string; port: number } & (Transcription | Synthesis) & Spoken;
type Spoken = { language?: string };

/** A Wyoming server answers `describe` at once, even on a busy machine; one that has not by now speaks something else. */
const describeMs = 2000;
const format = { rate: sampleRate, width: 2, channels: 1 };

export const wyoming = warmupKind({
  kind: "wyoming",
  schema: (shapes, common) => {
    const { z, text, port } = shapes;
    return z.strictObject({
      kind: z.literal("wyoming").describe("A Wyoming transcription or, of a TTS, a synthesis"),
      ...common,
      host: text(255).optional().describe("Host; that of the readiness probe when left out"),
      port: port().optional().describe("Port; that of the readiness probe when left out"),
      audio: audio(shapes),
      audio_ms: audioMs(shapes),
      voice: text(255).optional().describe("Voice of a synthesis; `default_voice` when left out"),
      text: spokenText(shapes),
      language: language(shapes),
    });
  },
  rules({ port }, service, found) {
    if (port === undefined && !isAskedBy(service, "tcp", "wyoming")) needed("port", "`port`", service, found);
  },
  plan(wishes, { name, role, service, listening }) {
    const port = wishes.port ?? listening?.port;
    if (port === undefined) return nothing(`services.${name}.warmup has no port`, true);
    const request: Transcription | Synthesis = role === "tts"
      ? {
        ask: "synthesize",
        voice: wishes.voice ?? service.default_voice ?? null,
        text: wishes.text ?? usualText,
      }
      : {
        ask: "transcribe",
        audio: wishes.audio ?? "speech",
        audioMs: wishes.audio_ms ?? (service.warmup_encoder_ms || usualAudioMs),
      };
    const language = wishes.language ?? languageOf(service);
    const host = wishes.host ?? listening?.host ?? "127.0.0.1";
    const spec: WyomingSpec = {
      kind: "wyoming",
      host,
      port,
      ...request,
      ...(language ? { language } : {}),
    };
    return spec;
  },
  describe: (spec) =>
    `wyoming ${spec.host}:${spec.port}, ${
      spec.ask === "transcribe" ? `${spec.audioMs} ms of ${spec.audio}` : "a synthesis"
    }`,
  where: ({ host, port }) => `${host}:${port}`,
  engine: (spec) => ({
    speaks: "wyoming",
    host: spec.host,
    port: spec.port,
    voice: "voice" in spec ? spec.voice : null,
    language: spec.language ?? null,
  }),
  async run(spec, context) {
    const no = await whyNotOffered(spec, context);
    if (no !== null) {
      return {
        state: "not_offered",
        detail: no,
        hint: "speak Wyoming on this port, or set `warmup: { kind: http | openai | exec, … }`",
      };
    }
    // A connection of its own: some servers end one after each answer.
    using stream = await connectTcp(spec.host, spec.port, context.signal, context.link);
    const began = context.clock.now();
    try {
      const result = spec.ask === "transcribe" ? await hear(spec, stream) : await speak(spec, stream);
      return result.ok
        ? { state: "warmed", ms: context.clock.now() - began, detail: result.detail }
        : failed(result.detail);
    } catch (error) {
      if (error instanceof WyomingError) return failed(`the ${nameOf[spec.ask]} broke off: ${error.message}`);
      throw error;
    }
  },
});

const nameOf = { transcribe: "transcription", synthesize: "synthesis" } as const;

interface Outcome {
  ok: boolean;
  detail: string;
}

async function hear(
  { audio: kind, audioMs, language }: Transcription & Spoken,
  stream: TcpStream,
): Promise<Outcome> {
  const sound = { ...format, samples: audioClip(kind, audioMs) };
  const heard = await transcribe(stream, sound, language ?? null);
  return typeof heard === "string"
    ? { ok: false, detail: heard }
    : { ok: true, detail: `${inSeconds(audioMs)} of ${kind}` };
}

async function speak(
  { text, voice, language }: Synthesis & Spoken,
  stream: TcpStream,
): Promise<Outcome> {
  let bytes = 0;
  const why = await synthesize(
    stream,
    { text, voice: { name: voice, language: language ?? null } },
    (samples) => bytes += samples.length,
  );
  if (why === null) return { ok: true, detail: `${bytes} bytes of audio` };
  const asked = voice && why.startsWith("the synthesis failed")
    ? `; it was asked for the voice ${voice} (default_voice): put that into its data folder, or name one that it has`
    : "";
  return { ok: false, detail: why + asked };
}

/** Asks who is there. Null if it is a Wyoming server that may do it; else why the warm-up cannot be made. */
async function whyNotOffered(spec: WyomingSpec, context: RunContext): Promise<string | null> {
  const { signal } = context;
  const where = `${spec.host}:${spec.port}`;
  using limit = deadline(context.clock, describeMs, signal);
  try {
    using stream = await connectTcp(spec.host, spec.port, limit.signal, context.link);
    await stream.write(encodeEvent("describe"));
    const events = eventReader(stream);
    for (;;) {
      const event = await events.next();
      if (event === null) return `${where} closed the connection instead of answering a Wyoming describe`;
      if (event.type !== "info") continue;
      const offer = readInfo(event.data);
      const kinds = Object.keys(offer);
      const wanted = spec.ask === "transcribe" ? "asr" : "tts";
      return wanted in offer || kinds.length === 0
        ? null
        : `${where} offers ${kinds.join(", ")}, but no ${nameOf[spec.ask]}`;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) {
      return `${where} did not answer a Wyoming describe within ${inSeconds(describeMs)}`;
    }
    if (error instanceof WyomingError) return `${where} does not speak Wyoming: ${error.message}`;
    // Refused is another matter: the service was ready a moment ago.
    if (error instanceof TcpError && error.kind === "reset") {
      return `${where} closed the connection instead of answering a Wyoming describe`;
    }
    throw error;
  }
}
