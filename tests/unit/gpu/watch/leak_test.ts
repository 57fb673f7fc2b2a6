import assert from "node:assert/strict";
import { LeakWatch, slopePerHour } from "../../../../lib/gpu/watch/leak.ts";

const HOUR = 3_600_000;

/** Feeds `hours` of samples every 2 s; the first leak told and how many there were. */
function feed(watch: LeakWatch, hours: number, mibAt: (hour: number) => number, freeMib?: number) {
  const told = [];
  for (let at = 0; at <= hours * HOUR; at += 2000) {
    const leak = watch.add("llm", at, Math.round(mibAt(at / HOUR)), freeMib);
    if (leak) told.push(leak);
  }
  return told;
}

Deno.test("slopePerHour() is the line through the points", () => {
  assert.equal(slopePerHour([{ at: 0, mib: 10 }, { at: HOUR, mib: 30 }, { at: 2 * HOUR, mib: 50 }]), 20);
  assert.equal(slopePerHour([{ at: 5, mib: 10 }]), 0);
  assert.equal(slopePerHour([{ at: 5, mib: 10 }, { at: 5, mib: 20 }]), 0);
});

Deno.test("LeakWatch tells a steady leak once, with figures", () => {
  const watch = new LeakWatch();
  const told = feed(watch, 24, (h) => 5000 + 100 * h, 2000);
  assert.equal(told.length, 1);
  assert.match(
    told[0]!.message,
    /^VRAM of llm grows by 100 MiB per hour: 5000 MiB to 5\d\d\d MiB in 2\.\d h; the GPU is full in about 20 h$/,
  );
  assert.ok(Math.abs(watch.slope("llm")! - 100) < 1);
});

Deno.test("LeakWatch tells a leak that comes and goes on its way up", () => {
  const told = feed(new LeakWatch(), 12, (h) => 5000 + 60 * h + 40 * Math.sin(h * 20));
  assert.equal(told.length, 1);
});

Deno.test("LeakWatch is silent on a step, a wave, slow growth and short growth", () => {
  assert.deepEqual(feed(new LeakWatch(), 24, (h) => h < 12 ? 5000 : 9000), []);
  assert.deepEqual(feed(new LeakWatch(), 24, (h) => 5000 + 500 * Math.sin(h * 3)), []);
  assert.deepEqual(feed(new LeakWatch(), 24, (h) => 5000 + 4 * h), []);
  assert.deepEqual(feed(new LeakWatch(), 1.9, (h) => 5000 + 1000 * h), []);
  assert.deepEqual(feed(new LeakWatch(), 24, (h) => 5000 - 100 * h), []);
});

Deno.test("LeakWatch.reset() begins anew for a service that was started anew", () => {
  const watch = new LeakWatch();
  assert.equal(feed(watch, 3, (h) => 5000 + 200 * h).length, 1);
  watch.reset("llm");
  assert.equal(watch.slope("llm"), null);
  assert.equal(feed(watch, 3, (h) => 5000 + 200 * h).length, 1);
});

Deno.test("LeakWatch keeps a bounded number of samples over a year", () => {
  const watch = new LeakWatch({ maxSamples: 64 });
  let kept = 0;
  for (let at = 0; at < 365 * 24 * HOUR; at += 60_000) {
    watch.add("llm", at, 5000);
    kept = Math.max(kept, watch.samples("llm"));
  }
  assert.ok(kept <= 64 && kept >= 32, String(kept));
});
