import assert from "node:assert/strict";
import type { BootPlan } from "../../../lib/model/plan.ts";
import type { SelftestReport, StageName } from "../../../lib/model/selftest.ts";
import { selftest } from "../../../lib/selftest/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { type AssistantFault, startAssistantPeers } from "../../support/peers/assistant_peers.ts";
import { freePort } from "../../support/peers/tcp_peer.ts";
import { planOf } from "../../support/config_edit.ts";

const test = (plan: BootPlan, signal = new AbortController().signal, sentence?: string) =>
  selftest(plan, {
    boot: "b",
    clock: systemClock,
    signal,
    sentence,
    run: () => () => Promise.reject("no command"),
  });

/** Of each stage "right", why it was not tested, or what is wrong. */
const verdicts = ({ stages }: SelftestReport) =>
  Object.fromEntries(stages.map(({ stage, verdict, problem }) => [stage, problem ?? verdict]));
const textOf = ({ stages }: SelftestReport, name: StageName) =>
  stages.find(({ stage }) => stage === name)!.text;

const expected: Record<AssistantFault, [Partial<Record<StageName, string>>, StageName?, RegExp?]> = {
  none: [{}, "wake", /^alexa was heard$/],
  "wrong wake word": [
    { wake: "wrong_word" },
    "wake",
    /^wake listens for hey_jarvis_v0\.1 instead of alexa: who.* is not heard\. Start/,
  ],
  "another wake word told": [{ wake: "wrong_word" }, "wake", /^wake listens for hey_jarvis instead of alexa/],
  "deaf wake word": [{ wake: "not_heard" }, "wake", /^wake does not hear alexa when tts says it.*threshold/],
  "STT garbage": [
    { stt: "misunderstood" },
    "stt",
    /^stt understood 0 of 4 words: questions.*model and its language/,
  ],
  "STT error": [{ stt: "unreached" }, "stt", /^stt gave no answer \(.*no model.*\): see `explain stt`/],
  "TTS silent": [
    { tts: "silent", wake: "not_tested", stt: "not_tested" },
    "tts",
    /^tts speaks, and all that it gives is silence.*`default_voice`/,
  ],
  "TTS without sound": [{ tts: "silent", wake: "not_tested", stt: "not_tested" }],
  "LLM not resident": [
    { llm: "not_resident" },
    "llm",
    /^Ollama has unloaded m: the first question waits.*`keep_warm: true`/,
  ],
  "LLM without its model": [{ llm: "unreached" }, "llm", /m.*not found|no model/],
};

for (const style of ["wyoming", "openai"] as const) {
  for (const [fault, [wrong, stage, text]] of Object.entries(expected)) {
    Deno.test(`selftest() over ${style}: ${fault}`, async () => {
      await using peers = await startAssistantPeers(fault as AssistantFault, { style });
      const report = await test(peers.plan);
      const all = { tts: "right", wake: "right", stt: "right", llm: "right" };
      assert.deepEqual(verdicts(report), { ...all, ...wrong }, JSON.stringify(report.stages, null, 1));
      // deno-lint-ignore no-control-regex
      for (const { text } of report.stages) assert.doesNotMatch(text, /[\x00-\x1f]/);
      if (stage) assert.match(textOf(report, stage), text!);
    });
  }
}

Deno.test("selftest() measures each stage, and adds up to the first sound of an answer", async () => {
  await using peers = await startAssistantPeers("none");
  const { stages, first_audio_ms } = await test(peers.plan);
  const [tts, wake, stt, llm] = stages;
  assert.equal(tts!.audio_ms, 500);
  assert.equal(wake!.audio_ms, 3500);
  assert.deepEqual([stt!.words_right, stt!.words], [4, 4]);
  const sum = stt!.ms! + llm!.ms! + tts!.first_ms!;
  assert.ok(Math.abs(first_audio_ms! - sum) < 2, `${first_audio_ms} for ${sum}`);
  assert.ok([tts, wake, stt, llm].every((stage) => Number.isInteger(stage!.ms)));
});

Deno.test("selftest() says the sentence that it is given", async () => {
  await using peers = await startAssistantPeers("none");
  const { stages } = await test(peers.plan, undefined, "One two three four five six seven.");
  assert.equal(stages[2]!.words, 7);
});

Deno.test("selftest() says why it does not test what speaks no protocol that it knows, or is not there", async () => {
  const names = '["kwd", "stt", "tts"]';
  const http = () => `{ cmd: [x], readiness: { type: http, url: "http://127.0.0.1:${freePort()}/ready" } }`;
  const plan = planOf(`loader: { startup_sequence: ${names}, shutdown_sequence: ${names} }
services: { kwd: ${http()}, stt: ${http()}, tts: ${http()} }`);
  const report = await test(plan);
  assert.deepEqual(new Set(Object.values(verdicts(report))), new Set(["not_tested"]));
  assert.match(textOf(report, "tts"), /^tts: it is asked in no protocol that is known here/);
  assert.match(textOf(report, "wake"), /^no service offers/);
  assert.match(textOf(report, "llm"), /^no service has the role llm/);
  assert.equal(report.first_audio_ms, null);
});

Deno.test("selftest() names who does not answer, and ends with its signal", async () => {
  let plan: BootPlan;
  {
    await using peers = await startAssistantPeers("none");
    plan = peers.plan;
    await assert.rejects(test(plan, AbortSignal.abort(new Error("enough"))), /enough/);
  }
  const report = await test(plan);
  assert.deepEqual(verdicts(report), {
    tts: "unreached",
    wake: "unreached",
    stt: "not_tested",
    llm: "unreached",
  });
  assert.match(textOf(report, "tts"), /^tts gave no answer \(connection refused\): see `explain tts`/);
});
