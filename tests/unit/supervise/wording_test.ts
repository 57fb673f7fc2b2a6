import { seconds, worksText } from "../../../lib/text.ts";
import assert from "node:assert/strict";
import { capabilities, degradedText } from "../../../lib/supervise/capabilities.ts";
import { serviceStatus } from "../../../lib/supervise/status_of.ts";
import type { Supervisor } from "../../../lib/supervise/supervisor.ts";
import { failedBecause, faultText, verdictText } from "../../../lib/supervise/wording.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import type { WarmupResult } from "../../../lib/warmups/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { bringUp, fakeSupervisor, type FakeUnit, leaveNothing } from "../../support/fake_service.ts";

Deno.test("seconds() gives three figures", () => {
  assert.deepEqual([0, 9, 420, 9994, 12_345, 154_000].map(seconds), [
    "0.00s",
    "0.01s",
    "0.42s",
    "9.99s",
    "12.3s",
    "154s",
  ]);
});

Deno.test("faultText() and verdictText() say what happened and what follows", () => {
  const exit = {
    kind: "exited" as const,
    afterMs: 12_300,
    beforeReady: false,
    lastLines: [],
    background: null,
  };
  assert.equal(faultText({ ...exit, status: { code: 1, signal: null } }), "Exited with code 1 after 12.3s");
  assert.equal(
    faultText({ ...exit, status: { code: null, signal: "SIGKILL" } }),
    "Killed by SIGKILL after 12.3s",
  );
  assert.equal(faultText({ ...exit, status: { code: null, signal: null } }), "Ended after 12.3s");
  assert.equal(
    faultText({ kind: "unhealthy", failures: 3, detail: "503" }),
    "Unhealthy: 3 checks in a row failed (last: 503)",
  );
  assert.equal(verdictText({ kind: "restart", attempt: 1, of: 3, delayMs: 2000 }), "restart 1 of 3 in 2.0s");
  assert.equal(
    verdictText({ kind: "give_up", why: "restart policy: never" }),
    "given up (restart policy: never)",
  );
  assert.equal(verdictText({ kind: "none" }), null);
  assert.equal(failedBecause(null, null), "unknown");
});

Deno.test("P3: capabilities() counts no service as proved that no inference was seen of", async () => {
  const clock = new FakeClock();
  const notOffered = { state: "not_offered", detail: "404", hint: "name one" } as const;
  const of = async (name: string, answer: WarmupResult, warmup?: ServicePlan["warmup"]) => {
    const fake = fakeSupervisor(warmup ? { warmup } : {}, { name, clock });
    fake.service.warmup = () => answer;
    await bringUp(fake);
    return fake;
  };
  const limits = { timeoutMs: 1000, runs: 1, required: false };
  const none = { ...limits, kind: "none" as const, why: "switched off", warn: false };
  const failing = { ...limits, kind: "exec" as const, cmd: ["false"] };
  const all = [
    await of("kwd", notOffered),
    await of("stt", { state: "failed", detail: "exit 1" }, failing),
    await of("llm", notOffered, { ...none, warn: true }),
    await of("tts", notOffered),
  ];
  const supervisors = all.map(({ supervisor }) => supervisor);
  assert.equal(
    worksText(capabilities(supervisors)),
    "wake word yes, transcription unproved, answers unproved, speech unproved",
  );
  all[3]!.service.warmup = () => ({ state: "warmed", ms: 30 });
  const restarted = all[3]!.supervisor.restart();
  await clock.settle();
  all[3]!.service.ready();
  assert.equal(await restarted, true);
  const off = await of("llm", notOffered, none);
  assert.deepEqual(capabilities([supervisors[3]!, off.supervisor]), { speech: true, answers: true });
  for (const { supervisor } of [...all, off].slice(1)) await Promise.all([supervisor.stop(), clock.settle()]);
  await leaveNothing(all[0]!);
});

Deno.test("degradedText() tells by capability what still works, and serviceStatus() why", async () => {
  const clock = new FakeClock();
  const all: FakeUnit[] = ["kwd", "stt", "llm", "tts", "vision"].map((name) =>
    fakeSupervisor({}, { name, clock })
  );
  const supervisors = all.map(({ supervisor }) => supervisor as Supervisor);
  for (const fake of all) await bringUp(fake);
  assert.equal(degradedText(supervisors), null);
  assert.deepEqual(capabilities(supervisors), {
    "wake word": true,
    transcription: true,
    answers: true,
    speech: true,
    vision: true,
  });
  const [, stt, , tts] = all;
  stt!.service.copy!.exit(1);
  await clock.settle();
  assert.equal(
    degradedText(supervisors),
    "stt is backoff; wake word yes, transcription no, answers yes, speech yes, vision yes",
  );
  tts!.service.copy!.exit(0);
  await clock.settle();
  assert.equal(
    degradedText(supervisors),
    "tts failed (it ended by itself with exit 0); wake word yes, transcription no, answers yes, speech no, vision yes",
  );
  const status = serviceStatus(tts!.supervisor, clock.now(), null);
  assert.equal(status.state, "failed");
  assert.equal(status.problem, "Exited with code 0 after 0.0s");
  assert.equal(status.up_sec, null);
  assert.equal(status.pid, null);
  const well = serviceStatus(all[0]!.supervisor, clock.now() + 12_340, null);
  assert.deepEqual([well.state, well.up_sec, well.ready_ms, well.problem, well.restarts], [
    "up",
    12.3,
    0,
    null,
    0,
  ]);
  // One clock for all: they are stopped first, and what is left is counted by the last.
  for (const { supervisor } of all.slice(1)) await Promise.all([supervisor.stop(), clock.settle()]);
  await leaveNothing(all[0]!);
});
