import assert from "node:assert/strict";
import fc from "fast-check";
import { formatOf, lengthMs, soundOf, wavOf } from "../../../lib/protocols/sound.ts";

const sound = { rate: 22_050, width: 2, channels: 2, samples: new Uint8Array(8820).fill(3) };

Deno.test("soundOf() reads what wavOf() wrote, and a file whose length was not known when it began", () => {
  assert.equal(lengthMs(sound), 100);
  const wav = wavOf(sound);
  assert.deepEqual(soundOf(wav), sound);
  for (const unknown of [0xffff_ffff, 0x7fff_f000]) {
    const streamed = wav.slice();
    new DataView(streamed.buffer).setUint32(40, unknown, true);
    assert.deepEqual(soundOf(streamed), sound);
  }
  const listed = new Uint8Array([
    ...wav.slice(0, 36),
    ...new TextEncoder().encode("LIST"),
    3,
    0,
    0,
    0,
    1,
    2,
    3,
    0,
    ...wav.slice(36),
  ]);
  assert.deepEqual(soundOf(listed), sound);
});

Deno.test("soundOf() takes anything for a sound or for none, and never throws", () => {
  assert.equal(soundOf(new TextEncoder().encode("ID3 not a WAV file")), null);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(80), (noise, at) => {
    const wav = wavOf(sound).slice(0, 200);
    wav.set(noise.subarray(0, 200 - at), at);
    soundOf(wav);
  }));
});

Deno.test("formatOf() believes only what can be played", () => {
  assert.deepEqual(formatOf({ rate: 16_000, width: 2, channels: 1, more: 1 }), {
    rate: 16_000,
    width: 2,
    channels: 1,
  });
  for (
    const wrong of [{ rate: 0 }, { rate: 1e9 }, { width: 9 }, { width: "2" }, { channels: 0 }, { rate: NaN }]
  ) {
    assert.equal(formatOf({ rate: 16_000, width: 2, channels: 1, ...wrong }), null);
  }
});
