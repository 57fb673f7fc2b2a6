import assert from "node:assert/strict";
import type { SelftestReport, StageReport } from "../../../lib/model/selftest.ts";
import { renderSelftest } from "../../../lib/ui/selftest_view.ts";

const nothing = { problem: null, ms: null, first_ms: null, audio_ms: null, words_right: null, words: null };
const stages: StageReport[] = [
  {
    ...nothing,
    stage: "tts",
    service: "tts",
    verdict: "right",
    ms: 300,
    audio_ms: 1500,
    text: "1.5s of speech",
  },
  { ...nothing, stage: "wake", service: null, verdict: "not_tested", text: "nobody listens" },
  {
    ...nothing,
    stage: "stt",
    service: "stt",
    verdict: "failed",
    problem: "misunderstood",
    ms: 900,
    audio_ms: 1000,
    words_right: 1,
    words: 4,
    text: "look at its model",
  },
  {
    ...nothing,
    stage: "llm",
    service: "llm",
    verdict: "right",
    ms: 2500,
    text: "the first token after 2.50s",
  },
];
const report: SelftestReport = {
  format: 1,
  at: "2026-01-01T00:00:00.000Z",
  boot: "b",
  stages,
  first_audio_ms: 3520,
  sound: null,
};
const usual = {
  stages: { tts: 310, wake: null, stt: 800, llm: 1000, sound: null },
  first_audio_ms: 2000,
  slow: ["llm" as const],
};

Deno.test("renderSelftest() is a table, the estimate of a turn, and what to do", () => {
  assert.equal(
    renderSelftest(report, usual),
    `\
TEST                SERVICE    TOOK     P95  REAL TIME  VERDICT     SEEN
speak               tts      300 ms  310 ms      x0.20  right       1.5s of speech
hear the wake word  -             -       -          -  not tested
understand          stt      900 ms  800 ms      x0.90  failed      1 of 4 words right
think               llm      2.50 s  1.00 s          -  slow        the first token after 2.50s
First sound of an answer, after the end of the question: about 3.52 s (p95 2.00 s)
Not tested: nobody listens
Failed: look at its model
`,
  );
});

Deno.test("renderSelftest() gives no estimate where a part of it has no figure", () => {
  const text = renderSelftest({ ...report, first_audio_ms: null }, usual);
  assert.doesNotMatch(text, /First sound/);
});
