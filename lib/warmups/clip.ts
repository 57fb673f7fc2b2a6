/**
 * The audio of a speech warm-up: 16 kHz, 16 bit, mono. `speech` is a made-up voice gliding through vowels, so that an
 * encoder, a voice detector and a decoder all have something to do; `silence` is zeros. Always the same bytes. Spec: §9.
 */
import { wavOf as wavFile } from "../protocols/sound.ts";

export const sampleRate = 16_000;

/** First, second and third formant in Hz of the vowels that the voice glides through: a, e, i, o, u. */
const vowels = [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]];
const bandwidths = [80, 100, 140];
/** How long the glide from one vowel to the next takes, in seconds: about the pace of speech. */
const vowelSeconds = 0.12;

/** `ms` of audio as little-endian samples. */
export function audioClip(kind: "speech" | "silence", ms: number): Uint8Array<ArrayBuffer> {
  const samples = Math.round(ms * sampleRate / 1000);
  const bytes = new Uint8Array(samples * 2);
  if (kind === "silence") return bytes;
  const view = new DataView(bytes.buffer);
  vowelSweep(samples).forEach((value, i) => view.setInt16(2 * i, Math.round(value * 12_000), true));
  return bytes;
}

/** The samples as a WAV file. */
export function wavOf(samples: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return wavFile({ rate: sampleRate, width: 2, channels: 1, samples });
}

/** A train of pulses, 110 to 140 a second, through three resonators whose tuning glides. Values within -1..1. */
function vowelSweep(samples: number): Float32Array {
  const wave = new Float32Array(samples);
  const memory = bandwidths.map((): [number, number] => [0, 0]);
  let phase = 0;
  let peak = 1e-9;
  for (let i = 0; i < samples; i++) {
    const seconds = i / sampleRate;
    phase += (125 + 15 * Math.sin(2 * Math.PI * 2.5 * seconds)) / sampleRate;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const step = seconds / vowelSeconds;
    const from = vowels[Math.floor(step) % vowels.length]!;
    const to = vowels[(Math.floor(step) + 1) % vowels.length]!;
    let sum = 0;
    for (const [f, bandwidth] of bandwidths.entries()) {
      const hertz = from[f]! + (to[f]! - from[f]!) * (step % 1);
      const radius = Math.exp(-Math.PI * bandwidth / sampleRate);
      const [y1, y2] = memory[f]!;
      const y = pulse + 2 * radius * Math.cos(2 * Math.PI * hertz / sampleRate) * y1 - radius * radius * y2;
      memory[f] = [y, y1];
      sum += y / (f + 1);
    }
    wave[i] = sum;
    peak = Math.max(peak, Math.abs(sum));
  }
  return wave.map((value) => value / peak);
}
