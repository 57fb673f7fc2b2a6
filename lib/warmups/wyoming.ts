/** One transcription over Wyoming, its transcript thrown away. Spec: §9; CONTRACT §4. */
import { encodeEvent, eventReader, readInfo, WyomingError } from "../protocols/wyoming.ts";
import { deadline } from "../sys/clock.ts";
import { connectTcp, TcpError } from "../sys/tcp.ts";
import type { WarmupSpec } from "../plan/types.ts";
import { audioClip, sampleRate } from "./clip.ts";
import { failed, inSeconds, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type WyomingSpec = Extract<WarmupSpec, { kind: "wyoming" }>;

/** A Wyoming server answers `describe` at once, even on a busy machine; one that has not by now speaks something else. */
const describeMs = 2000;
const chunkMs = 64;
const format = { rate: sampleRate, width: 2, channels: 1 };

export async function run(spec: WyomingSpec, context: RunContext): Promise<WarmupResult> {
  const no = await whyNotOffered(spec, context);
  if (no !== null) {
    return {
      state: "not_offered",
      detail: no,
      hint: "speak Wyoming on this port, or set `warmup: { kind: http | exec | none, … }`",
    };
  }
  // A connection of its own: some servers end one after each answer.
  using stream = await connectTcp(spec.host, spec.port, context.signal);
  const audio = audioClip(spec.audio, spec.audioMs);
  const began = context.clock.now();
  await stream.write(encodeEvent("transcribe", {}));
  await stream.write(encodeEvent("audio-start", { ...format, timestamp: 0 }));
  const chunkBytes = chunkMs * sampleRate / 1000 * format.width;
  for (let at = 0, timestamp = 0; at < audio.length; at += chunkBytes, timestamp += chunkMs) {
    await stream.write(
      encodeEvent("audio-chunk", { ...format, timestamp }, audio.subarray(at, at + chunkBytes)),
    );
  }
  await stream.write(encodeEvent("audio-stop", { timestamp: spec.audioMs }));

  const events = eventReader(stream);
  try {
    for (;;) {
      const event = await events.next();
      if (event === null) return failed("the connection was closed before the transcript");
      if (event.type === "error") {
        return failed(`the transcription failed: ${String(event.data.text).slice(0, 200)}`);
      }
      if (event.type === "transcript") {
        return {
          state: "warmed",
          ms: context.clock.now() - began,
          detail: `${inSeconds(spec.audioMs)} of ${spec.audio}`,
        };
      }
    }
  } catch (error) {
    if (error instanceof WyomingError) return failed(`the transcription broke off: ${error.message}`);
    throw error;
  }
}

/** Asks who is there. Null if it is a Wyoming server that may transcribe; else why the warm-up cannot be made. */
async function whyNotOffered(spec: WyomingSpec, context: RunContext): Promise<string | null> {
  const { signal } = context;
  const where = `${spec.host}:${spec.port}`;
  using limit = deadline(context.clock, describeMs, signal);
  try {
    using stream = await connectTcp(spec.host, spec.port, limit.signal);
    await stream.write(encodeEvent("describe"));
    const events = eventReader(stream);
    for (;;) {
      const event = await events.next();
      if (event === null) return `${where} closed the connection instead of answering a Wyoming describe`;
      if (event.type !== "info") continue;
      const offer = readInfo(event.data);
      const kinds = Object.keys(offer);
      return offer.asr || kinds.length === 0
        ? null
        : `${where} offers ${kinds.join(", ")}, but no transcription`;
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
