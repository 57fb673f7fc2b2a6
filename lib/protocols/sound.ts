/** Sound as services send it: raw samples and what they mean, and the WAV file that programs take. Spec: §9, §10; CONTRACT §4, §5. */

export interface SoundFormat {
  /** Samples a second. */
  rate: number;
  /** Bytes a sample. */
  width: number;
  channels: number;
}

export interface Sound extends SoundFormat {
  /** Little-endian samples, the channels in turn. */
  samples: Uint8Array<ArrayBuffer>;
}

/** How long it takes to play, in ms. */
export function lengthMs({ rate, width, channels, samples }: Sound): number {
  return samples.length * 1000 / (rate * width * channels);
}

/** As a WAV file. */
export function wavOf({ rate, width, channels, samples }: Sound): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + samples.length);
  const view = new DataView(bytes.buffer);
  const word = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  word(0, "RIFF");
  view.setUint32(4, 36 + samples.length, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // length of the format that follows
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * width * channels, true); // bytes a second
  view.setUint16(32, width * channels, true); // bytes of one moment
  view.setUint16(34, 8 * width, true);
  word(36, "data");
  view.setUint32(40, samples.length, true);
  bytes.set(samples, 44);
  return bytes;
}

/** The sound of a WAV file of plain samples, or null. Lengths that a server did not know yet when it began are not believed. */
export function soundOf(wav: Uint8Array<ArrayBuffer>): Sound | null {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.length);
  const word = (at: number) => new TextDecoder().decode(wav.subarray(at, at + 4));
  if (wav.length < 12 || word(0) !== "RIFF" || word(8) !== "WAVE") return null;
  let format: SoundFormat | null = null;
  for (let at = 12; at + 8 <= wav.length;) {
    const size = view.getUint32(at + 4, true), body = at + 8;
    if (word(at) === "data") return format && { ...format, samples: wav.slice(body, body + size) };
    if (word(at) === "fmt " && body + 16 <= wav.length) {
      format = formatOf({
        channels: view.getUint16(body + 2, true),
        rate: view.getUint32(body + 4, true),
        width: view.getUint16(body + 14, true) / 8,
      });
    }
    at = body + size + size % 2;
  }
  return null;
}

/** What a peer says of its samples; null if that makes no sense. */
export function formatOf({ rate, width, channels }: Readonly<Record<string, unknown>>): SoundFormat | null {
  const within = (value: unknown, least: number, most: number): value is number =>
    Number.isInteger(value) && value as number >= least && value as number <= most;
  return within(rate, 1000, 384_000) && within(width, 1, 4) && within(channels, 1, 8)
    ? { rate, width, channels }
    : null;
}
