/** Any sound as the ears of an assistant take it: 16 kHz, mono, 16 bit. Pure. */
import type { Sound } from "../protocols/sound.ts";

export const speechRate = 16_000;
/** Zero crossings of the filter on each side. */
const reach = 16;

/** Sample values within -1..1, the channels averaged. */
function mono({ width, channels, samples }: Sound): Float32Array {
  const view = new DataView(samples.buffer, samples.byteOffset, samples.length);
  const valueAt = (at: number) => {
    switch (width) {
      case 1: // the only one without a sign
        return (view.getUint8(at) - 128) / 128;
      case 2:
        return view.getInt16(at, true) / 32768;
      case 3:
        return (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8388608;
      default:
        return view.getInt32(at, true) / 2147483648;
    }
  };
  const frame = width * channels;
  return Float32Array.from({ length: Math.floor(samples.length / frame) }, (_, moment) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += valueAt(moment * frame + channel * width);
    return sum / channels;
  });
}

/** By a windowed sinc that takes away what the new rate cannot carry, so that it does not come back as noise. */
export function resample(wave: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return wave;
  const cutoff = 0.95 * Math.min(1, to / from), half = reach / cutoff;
  return Float32Array.from({ length: Math.floor(wave.length * to / from) }, (_, n) => {
    const centre = n * from / to;
    let sum = 0;
    for (let at = Math.ceil(centre - half); at <= centre + half; at++) {
      const x = at - centre, phase = Math.PI * cutoff * x;
      const sinc = x === 0 ? 1 : Math.sin(phase) / phase;
      sum += (wave[at] ?? 0) * cutoff * sinc * (0.5 + 0.5 * Math.cos(Math.PI * x / half));
    }
    return sum;
  });
}

/** The sound at 16 kHz, mono, 16 bit. */
export function speechOf(sound: Sound): Int16Array<ArrayBuffer> {
  const wave = resample(mono(sound), sound.rate, speechRate);
  return Int16Array.from(wave, (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32768))));
}

/** Speech as a server is sent it, with so much silence before and after it, ms. */
export function soundOf(speech: Int16Array, beforeMs = 0, afterMs = 0): Sound {
  const samplesOf = (ms: number) => Math.round(ms * speechRate / 1000);
  const bytes = new Uint8Array(2 * (samplesOf(beforeMs) + speech.length + samplesOf(afterMs)));
  const view = new DataView(bytes.buffer);
  speech.forEach((value, at) => view.setInt16(2 * (samplesOf(beforeMs) + at), value, true));
  return { rate: speechRate, width: 2, channels: 1, samples: bytes };
}

/** The loudest sample, 0..32768. */
export function peakOf(speech: Int16Array): number {
  return speech.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
}
