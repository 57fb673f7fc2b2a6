import assert from "node:assert/strict";
import { besideEarlier, keptOf, openSelftests } from "../../../lib/metrics/selftests.ts";
import type { SelftestRecord, StageFigures, StageReport } from "../../../lib/model/selftest.ts";

const stage = (change: Partial<StageReport> = {}): StageFigures => ({
  ...{
    stage: "stt",
    service: "stt",
    verdict: "right",
    problem: null,
    ms: 100,
    first_ms: null,
    audio_ms: 1000,
  },
  ...{ words_right: 4, words: 4 },
  ...change,
});
const record = (n: number, ms: number | null, change: Partial<StageReport> = {}): SelftestRecord => ({
  format: 1,
  at: new Date(n * 60_000).toISOString(),
  boot: "b",
  stages: [stage({ ms, ...change })],
  first_audio_ms: ms,
  sound: null,
});

Deno.test("self-tests are kept as figures, without a word; what a newer program wrote stays", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const newer = '{"format":2,"x":1}';
    Deno.writeTextFileSync(`${dir}/selftests.jsonl`, `${newer}\nrubbish\n`);
    const kept = openSelftests(dir);
    assert.match(kept.warnings[0]!, /2 self-test records were skipped/);
    assert.equal(await kept.append(keptOf(record(1, 100, { text: "openthepodbaydoors" }))), null);
    const text = Deno.readTextFileSync(`${dir}/selftests.jsonl`);
    assert.ok(text.includes(newer) && !text.includes("openthepodbaydoors"), text);
    assert.deepEqual(openSelftests(dir).records, [record(1, 100)]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("besideEarlier() has the p95 of what was right, and names what takes over twice that", () => {
  const earlier = [
    ...[100, 110, 120, 130, 140].map((ms, n) => record(n, ms)),
    record(6, 9000, { verdict: "failed" }),
  ];
  const usual = besideEarlier(record(9, 281), earlier);
  assert.deepEqual(usual.stages, { tts: null, wake: null, stt: 140, llm: null, sound: null });
  assert.deepEqual(usual.slow, ["stt"]);
  assert.deepEqual(besideEarlier(record(9, 280), earlier).slow, []);
  assert.deepEqual(besideEarlier(record(9, 281, { verdict: "failed" }), earlier).slow, []);
  assert.deepEqual(
    besideEarlier(record(9, 281), earlier.slice(1)).slow,
    [],
    "four tests say nothing of what is usual",
  );
  assert.equal(besideEarlier(record(9, 1), []).first_audio_ms, null);
});
