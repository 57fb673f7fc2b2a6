/** A synthesis over Wyoming, for whoever wants to hear it and for whoever only wants to know that it works. Spec: §9, §10. */
import type { TcpStream } from "../sys/net/tcp.ts";
import { formatOf, type SoundFormat } from "./sound.ts";
import { encodeEvent, eventReader, type WyomingEvent } from "./wyoming.ts";

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

/** What an `error` event says. Its text alone may be no more than a name. */
export function wordsOf({ data }: WyomingEvent): string {
  const code = typeof data.code === "string" ? `${data.code.slice(0, 60)}: ` : "";
  return code + String(data.text).slice(0, 200);
}
