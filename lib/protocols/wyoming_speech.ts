/** Synthesis and transcription over Wyoming, for whoever wants to hear it and for whoever only wants to know that it works. Spec: §9, §10. */
import type { TcpStream } from "../sys/net/tcp.ts";
import { formatOf, lengthMs, type Sound, type SoundFormat } from "./sound.ts";
import { encodeEvent, eventReader, WyomingError, type WyomingEvent } from "./wyoming.ts";

/** Some 20 minutes of speech at 22 kHz. */
const mostSamples = 50 << 20;
const chunkMs = 64;

export interface Voice {
  /** Of those that the server's `info` lists; the server's own choice when null. */
  name: string | null;
  /** Counts where no name is given. */
  language: string | null;
}

/** What is asked for, beside the text: nothing of what is not known. */
export function voiceData({ name, language }: Voice): Record<string, unknown> {
  if (name) return { voice: { name } };
  return language ? { voice: { language } } : {};
}

/**
 * Lets the server speak `text`; its samples go to `onSamples`. Null when it came to its end, else half a sentence. A server
 * answers `describe` with no voice loaded, and some with none on disk: only sound proves it. Rejects as the stream does.
 */
export async function synthesize(
  stream: TcpStream,
  { text, voice }: { text: string; voice: Voice },
  onSamples: (samples: Uint8Array, format: SoundFormat) => void,
): Promise<string | null> {
  await stream.write(encodeEvent("synthesize", { text, ...voiceData(voice) }));
  const events = eventReader(stream);
  let started: SoundFormat | null = null;
  for (let bytes = 0;;) {
    const event = await events.next();
    if (event === null) return "the connection was closed before the end of the sound";
    if (event.type === "error") return `the synthesis failed: ${wordsOf(event)}`;
    if (event.type === "audio-start") started = formatOf(event.data);
    if (event.type === "audio-chunk") {
      const format = formatOf(event.data) ?? started;
      if (format === null) return "the sound is of no format that can be played";
      bytes += event.payload.length;
      onSamples(event.payload, format);
    }
    if (event.type === "audio-stop") return bytes > 0 ? null : "the synthesis gave no sound";
  }
}

/** The same as one sound, or half a sentence. `onFirst` is told when the first of it is there. */
export async function synthesizeWhole(
  stream: TcpStream,
  what: { text: string; voice: Voice },
  onFirst: () => void = () => {},
): Promise<Sound | string> {
  const parts: Uint8Array[] = [];
  let format: SoundFormat | null = null, bytes = 0;
  const why = await synthesize(stream, what, (samples, of) => {
    if (format === null) onFirst();
    format ??= of;
    if ((bytes += samples.length) > mostSamples) throw new WyomingError("too_large", "the sound has no end");
    parts.push(samples);
  });
  if (why !== null || format === null) return why ?? "the synthesis gave no sound";
  const samples = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  return { ...format as SoundFormat, samples };
}

/** Sends a sound, in pieces as a microphone's, and not its end. `before`: the event that says what to do with it. */
export async function sendSound(stream: TcpStream, before: Uint8Array, sound: Sound): Promise<void> {
  const { samples, ...format } = sound;
  const { rate, width, channels } = format;
  await stream.write(before);
  await stream.write(encodeEvent("audio-start", { ...format, timestamp: 0 }));
  const size = Math.ceil(rate * chunkMs / 1000) * width * channels;
  for (let at = 0, timestamp = 0; at < samples.length; at += size, timestamp += chunkMs) {
    const chunk = samples.subarray(at, at + size);
    await stream.write(encodeEvent("audio-chunk", { ...format, timestamp }, chunk));
  }
}

/** What the server understands of a sound, or half a sentence. Rejects as the stream does. */
export async function transcribe(
  stream: TcpStream,
  sound: Sound,
  language: string | null,
): Promise<{ text: string } | string> {
  const events = eventReader(stream);
  await sendSound(stream, encodeEvent("transcribe", language ? { language } : {}), sound);
  await stream.write(encodeEvent("audio-stop", { timestamp: Math.round(lengthMs(sound)) }));
  for (;;) {
    const event = await events.next();
    if (event === null) return "the connection was closed before the transcript";
    if (event.type === "error") return `the transcription failed: ${wordsOf(event)}`;
    if (event.type === "transcript") return { text: String(event.data.text ?? "") };
  }
}

/** What an `error` event says. Its text alone may be no more than a name. */
export function wordsOf({ data }: WyomingEvent): string {
  const code = typeof data.code === "string" ? `${data.code.slice(0, 60)}: ` : "";
  return code + String(data.text).slice(0, 200);
}
