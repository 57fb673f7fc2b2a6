import assert from "node:assert/strict";
import type { Sound } from "../../../lib/protocols/sound.ts";
import { peakOf, resample, soundOf, speechOf, speechRate } from "../../../lib/selftest/speech.ts";

const tone = (hertz: number, rate: number, seconds = 0.5) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => Math.sin(2 * Math.PI * hertz * n / rate));

/** How much of a frequency is in it, without its ends: 1 for a full tone. */
function partOf(wave: Float32Array, hertz: number, rate: number): number {
  const middle = wave.subarray(wave.length >> 3, wave.length - (wave.length >> 3));
  let real = 0, imaginary = 0;
  middle.forEach((value, n) => {
    real += value * Math.cos(2 * Math.PI * hertz * n / rate);
    imaginary += value * Math.sin(2 * Math.PI * hertz * n / rate);
  });
  return 2 * Math.hypot(real, imaginary) / middle.length;
}

for (const rate of [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]) {
  Deno.test(`resample() from ${rate} Hz keeps what can be heard, its pitch and its length`, () => {
    for (const hertz of [200, 1000, Math.min(3400, rate * 0.4)]) {
      const wave = resample(tone(hertz, rate), rate, speechRate);
      assert.ok(Math.abs(wave.length - speechRate / 2) <= 1);
      const part = partOf(wave, hertz, speechRate);
      assert.ok(Math.abs(part - 1) < 0.02, `${hertz} Hz became ${part}`);
    }
  });
}

Deno.test("resample() takes away what the new rate cannot carry, instead of folding it back", () => {
  for (const hertz of [9500, 11_000, 15_000]) {
    const wave = resample(tone(hertz, 48_000), 48_000, speechRate);
    const loudest = wave.subarray(400, -400).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(loudest < 0.01, `${hertz} Hz is still there as ${loudest}`);
  }
});

function soundWith(width: number, channels: number, values: number[]): Sound {
  const samples = new Uint8Array(values.length * width * channels), view = new DataView(samples.buffer);
  values.forEach((value, moment) => {
    for (let channel = 0; channel < channels; channel++) {
      const at = (moment * channels + channel) * width;
      if (width === 1) view.setUint8(at, 128 + value * 127);
      if (width === 2) view.setInt16(at, value * 32767, true);
      if (width === 3) {
        const whole = Math.round(value * 8388607);
        view.setUint8(at, whole & 255);
        view.setInt16(at + 1, whole >> 8, true);
      }
      if (width === 4) view.setInt32(at, value * 2147483647, true);
    }
  });
  return { rate: speechRate, width, channels, samples };
}

for (const width of [1, 2, 3, 4]) {
  Deno.test(`speechOf() reads samples of ${width} bytes, one channel or two`, () => {
    for (const channels of [1, 2]) {
      const speech = speechOf(soundWith(width, channels, [0, 0.5, -0.5, 1, -1]));
      [0, 16384, -16384, 32767, -32767].forEach((wanted, at) =>
        assert.ok(Math.abs(speech[at]! - wanted) <= (width === 1 ? 300 : 2), `${speech[at]} for ${wanted}`)
      );
    }
  });
}

Deno.test("soundOf() puts silence around it; peakOf() finds the loudest, whatever its sign", () => {
  const sound = soundOf(Int16Array.of(1, -7, 3), 100, 50);
  assert.equal(sound.samples.length, 2 * (1600 + 3 + 800));
  assert.deepEqual(speechOf(sound).subarray(1599, 1604), Int16Array.of(0, 1, -7, 3, 0));
  assert.equal(peakOf(Int16Array.of(1, -7, 3)), 7);
  assert.equal(peakOf(Int16Array.of(-32768)), 32768);
  assert.equal(peakOf(new Int16Array()), 0);
});

Deno.test("speechOf() of a half sample at the end leaves that out", () => {
  const sound: Sound = { rate: 22_050, width: 2, channels: 1, samples: new Uint8Array(7) };
  assert.equal(speechOf(sound).length, 2);
});
