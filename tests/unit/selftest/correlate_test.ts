import assert from "node:assert/strict";
import { findSound } from "../../../lib/selftest/correlate.ts";
import { speechOf, speechRate } from "../../../lib/selftest/speech.ts";
import { audioClip } from "../../../lib/warmups/mod.ts";

const sent = speechOf({ rate: speechRate, width: 2, channels: 1, samples: audioClip("speech", 1500) });

/** Repeatable noise of that rms. */
function noise(length: number, rms: number, seed = 1): Float64Array {
  let state = seed;
  const uniform = () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 - 0.5;
  };
  return Float64Array.from({ length }, () => 2 * rms * (uniform() + uniform() + uniform()));
}

interface RoomOptions {
  gain?: number;
  noiseRms?: number;
  /** Delay (ms) and gain of each. */
  echoes?: [number, number][];
}

/** What a microphone hears: half a second of noise, then the sound after `latencyMs`. */
function room(latencyMs: number, { gain = 0.3, noiseRms = 100, echoes = [] }: RoomOptions = {}): Int16Array {
  const at = (ms: number) => Math.round(ms * speechRate / 1000);
  const heard = noise(at(500) + sent.length + at(2000), noiseRms, latencyMs + 7);
  for (const [delay, part] of [[0, 1], ...echoes] as [number, number][]) {
    sent.forEach((value, n) => heard[at(500 + latencyMs + delay) + n]! += gain * part * value);
  }
  return Int16Array.from(heard, (value) => Math.max(-32768, Math.min(32767, value)));
}

const rooms: Record<string, RoomOptions> = {
  "a quiet room": { noiseRms: 10 },
  "noise as loud as the sound": { noiseRms: 500, gain: 0.2 },
  "a faint sound": { gain: 0.02, noiseRms: 30 },
  "one that overdrives": { gain: 4 },
  "an echo": { echoes: [[80, 0.6], [190, 0.4]] },
  "echoes close by": { echoes: [[7, 0.7], [13, 0.6], [29, 0.5], [53, 0.4]] },
  "echoes and noise": { echoes: [[40, 0.5], [120, 0.5]], noiseRms: 300 },
};
for (const [name, options] of Object.entries(rooms)) {
  Deno.test(`findSound() measures a latency of 0 to 900 ms within 30 ms in ${name}`, () => {
    for (const latencyMs of [0, 20, 75, 150, 333, 500, 777, 900]) {
      const found = findSound(sent, room(latencyMs, options))!;
      const measured = found.at * 1000 / speechRate - 500;
      assert.ok(Math.abs(measured - latencyMs) <= 30, `${measured} ms for ${latencyMs}`);
      assert.ok(found.correlation > 0.3, `correlation ${found.correlation}`);
    }
  });
}

Deno.test("findSound() tells the same sound from another one, and from noise", () => {
  const other = Int16Array.from(noise(sent.length, 3000, 5));
  assert.ok(findSound(other, room(100))!.correlation < 0.1);
  const quiet = Int16Array.from(noise(60_000, 100));
  assert.ok(findSound(sent, quiet)!.correlation < 0.2);
  assert.ok(findSound(sent, sent)!.correlation > 0.9999);
});

Deno.test("findSound() tells how far the sound is above the noise", () => {
  const rms = Math.sqrt(sent.reduce((sum, value) => sum + value * value, 0) / sent.length);
  const found = findSound(sent, room(200, { gain: 0.5, noiseRms: 100 }))!;
  const wanted = 20 * Math.log10(0.5 * rms / 100);
  assert.ok(Math.abs(found.snrDb - wanted) < 1, `${found.snrDb} dB for ${wanted}`);
});

Deno.test("findSound() finds nothing where there is nothing", () => {
  assert.equal(findSound(sent, new Int16Array(60_000)), null);
  assert.equal(findSound(new Int16Array(1000), room(0)), null);
  assert.equal(findSound(sent, sent.subarray(1)), null);
  assert.equal(findSound(sent, new Int16Array()), null);
});
