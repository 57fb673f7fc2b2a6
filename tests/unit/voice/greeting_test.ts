import type { GreetingReport } from "../../../lib/model/boot_record.ts";
import assert from "node:assert/strict";
import type { FinishListener } from "../../../lib/voice/finish_listener.ts";
import { listenForFinish } from "../../../lib/voice/finish_listener.ts";
import { greetingSentences } from "../../../lib/voice/sentences.ts";
import { enableListening, greet, type Listener, type Speaker } from "../../../lib/voice/greeting.ts";
import type { ControlSpec, GreetingPlan } from "../../../lib/model/plan.ts";
import type { AskOptions, ControlAnswer, SpeakAnswer } from "../../../lib/controls/answers.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeCopy, memoryLog, servicePlan } from "../../support/fake_service.ts";

const ok: ControlAnswer = { state: "ok", status: 200, body: {} };
const refused: ControlAnswer = { state: "failed", detail: "/control/pause answered 500" };
const notOffered: ControlAnswer = { state: "not_offered", detail: "/control/pause answered 404" };
const greeting: GreetingPlan = {
  enabled: true,
  text: "Hi Master. Ready to serve.",
  pauseDuringTts: true,
  resumeAfterMs: 150,
  timeoutMs: 5000,
  budgetMs: 1500,
  outputLatencyMs: 0,
};

const http: ControlSpec = { kind: "http", url: "http://127.0.0.1:1" };

type Step = "pause" | "system_ready" | "speak" | "resume";

/** KWD and TTS that answer as told and note when they were asked what. */
class House {
  readonly clock = new FakeClock();
  readonly abort = new AbortController();
  readonly asked: { step: Step; at: number }[] = [];
  readonly lines: string[];
  readonly kwdCopy = new FakeCopy(1, 0, false);
  readonly ttsCopy = new FakeCopy(2, 0, false);
  kwdIsExternal = false;
  kwdIsGone = false;
  control: Record<"kwd" | "tts", ControlSpec> = { kwd: http, tts: http };
  answers: Record<"pause" | "system_ready", ControlAnswer> = { pause: ok, system_ready: ok };
  greets = false;
  /** Answers to resume, one after the other; then "ok". */
  resumes: ControlAnswer[] = [];
  /** What speak answers, and when; null: never. */
  speak: { afterMs: number; answer: SpeakAnswer } | null = {
    afterMs: 940,
    answer: { state: "finished", spokenMs: 940 },
  };
  /** The finish listener: `finish` is what TTS posts. */
  finish = Promise.withResolvers<{ ok: boolean; spokenMs: number | null; detail: string }>();
  listening = 0;
  over = 0;
  /** Aborts when this step is asked. */
  abortAt: Step | null = null;
  report: GreetingReport | null = null;
  #emit;

  constructor() {
    const { log, lines } = memoryLog(this.clock);
    this.#emit = greetingSentences(log, () => [servicePlan("kwd"), servicePlan("tts")]);
    this.lines = lines;
  }

  async #ask<T>(step: Step, o: AskOptions, answer: () => T | Promise<T>): Promise<T> {
    o.signal.throwIfAborted();
    this.asked.push({ step, at: this.clock.now() });
    if (this.abortAt === step) this.abort.abort(new DOMException("the loader is stopping", "AbortError"));
    const value = await answer();
    o.signal.throwIfAborted();
    return value;
  }

  get kwd(): Listener {
    // deno-lint-ignore no-this-alias -- `copy` is read late
    const house = this;
    return {
      plan: { ...servicePlan("kwd"), control: this.control.kwd },
      get copy() {
        return house.kwdIsExternal || house.kwdIsGone ? null : house.kwdCopy;
      },
      external: this.kwdIsExternal,
      pause: (o: AskOptions) => this.#ask("pause", o, () => this.answers.pause),
      resume: (o: AskOptions) => this.#ask("resume", o, () => this.resumes.shift() ?? ok),
      onSystemReady: (_plan: GreetingPlan, o: AskOptions) =>
        this.#ask("system_ready", o, () => ({ greets: this.greets, answer: this.answers.system_ready })),
    };
  }

  get tts(): Speaker {
    return {
      plan: { ...servicePlan("tts"), control: this.control.tts },
      copy: this.ttsCopy,
      speak: (_text: string, _tag: string, o: AskOptions) =>
        this.#ask("speak", o, async () => {
          if (!this.speak) {
            return await new Promise<never>((_, no) =>
              o.signal.addEventListener("abort", () => no(o.signal.reason))
            );
          }
          await this.clock.sleep(this.speak.afterMs, o.signal);
          return this.speak.answer;
        }),
    };
  }

  get options() {
    return { clock: this.clock, emit: this.#emit, signal: this.abort.signal };
  }

  /** Greets for `ms` of the clock. */
  async run(
    patch: Partial<GreetingPlan> = {},
    o: { kwd?: null; tts?: null; ms?: number; listen?: () => FinishListener } = {},
  ): Promise<this> {
    const listen = (): FinishListener => {
      this.listening++;
      return {
        url: "http://127.0.0.1:1/finished/token",
        finished: this.finish.promise,
        over: () => this.over++,
        [Symbol.asyncDispose]: () => (this.listening--, Promise.resolve()),
      };
    };
    void greet({
      ...this.options,
      plan: { ...greeting, ...patch },
      kwd: o.kwd === null ? null : this.kwd,
      tts: o.tts === null ? null : this.tts,
      bootId: "boot",
      listen: o.listen ?? listen,
    }).then((report) => this.report = report);
    await this.clock.advance(o.ms ?? 60_000);
    return this;
  }

  get steps(): string[] {
    return this.asked.map(({ step, at }) => `${step} ${at}`);
  }
  get warnings(): string[] {
    return this.lines.filter((line) => line.includes(" WARNING ")).map((line) =>
      line.replace(" WARNING", ":")
    );
  }
  /** Listening was enabled, once, and nothing is left. */
  ended(): void {
    assert.ok(this.report, "the greeting came to its end");
    assert.equal(
      this.lines.filter((line) => line.includes("READY FOR WAKE WORD")).length,
      1,
      this.lines.join("\n"),
    );
    assert.equal(this.asked.filter(({ step }) => step === "speak").length <= 1, true, "never spoken twice");
    assert.equal(this.clock.pending, 0, "timers are left");
    assert.equal(this.listening, 0, "the finish listener is closed");
    assert.ok(
      !["spoken", "not heard"].includes(this.report.outcome) || this.over === 1,
      "later finish events are known as such",
    );
  }
}

Deno.test("greet() pauses, tells, speaks, waits for the guard and resumes, in the log's words", async () => {
  const house = await new House().run();
  assert.deepEqual(house.steps, ["pause 0", "system_ready 0", "speak 0", "resume 1090"]);
  assert.deepEqual(house.lines, [
    "KWD INFO Received SYSTEM_READY; initiating post-boot greeting",
    'TTS INFO Speaking greeting: "Hi Master. Ready to serve."',
    "TTS INFO Greeting finished in 0.94s",
    "KWD INFO Resume wake-word detection after 150ms",
    "KWD INFO Wake-word detection enabled (resume after 150 ms guard); READY FOR WAKE WORD",
  ]);
  assert.deepEqual(house.report, { outcome: "spoken", speakMs: 940, resumeAfterMs: 150, listening: true });
  house.ended();
});

for (const [resumeAfterMs, outputLatencyMs] of [[0, 0], [1, 0], [150, 0], [150, 80], [2000, 500]] as const) {
  Deno.test(`greet() guards for exactly ${resumeAfterMs} + ${outputLatencyMs} ms, to the millisecond`, async () => {
    const house = new House();
    const guard = resumeAfterMs + outputLatencyMs;
    await house.run({ resumeAfterMs, outputLatencyMs }, { ms: 940 });
    if (guard > 0) {
      await house.clock.advance(guard - 1);
      assert.ok(!house.steps.some((step) => step.startsWith("resume")), "not a millisecond early");
      await house.clock.advance(1);
    }
    assert.equal(house.steps.at(-1), `resume ${940 + guard}`);
    await house.clock.advance(0);
    assert.equal(house.report?.resumeAfterMs, guard);
    house.ended();
  });
}

Deno.test("greet() takes the guard from the finish event when TTS answered 202", async () => {
  const house = new House();
  house.speak = { afterMs: 5, answer: { state: "accepted" } };
  await house.run({}, { ms: 2000 });
  assert.equal(house.steps.at(-1), "speak 0");
  house.finish.resolve({ ok: true, spokenMs: 1990, detail: "" });
  await house.clock.advance(60_000);
  assert.equal(house.steps.at(-1), "resume 2150");
  assert.deepEqual(house.report, { outcome: "spoken", speakMs: 2000, resumeAfterMs: 150, listening: true });
  house.ended();
});

Deno.test("greet() takes a finish event that is faster than the answer to speak", async () => {
  const house = new House();
  house.speak = { afterMs: 3000, answer: { state: "accepted" } };
  await house.run({}, { ms: 700 });
  house.finish.resolve({ ok: true, spokenMs: 700, detail: "" });
  await house.clock.advance(60_000);
  assert.equal(house.steps.at(-1), "resume 850");
  house.ended();
});

Deno.test("greet() warns of a greeting over its budget, and cuts nothing", async () => {
  const house = new House();
  house.speak = { afterMs: 2400, answer: { state: "finished", spokenMs: 2400 } };
  await house.run();
  assert.deepEqual(house.warnings, [
    "TTS: Greeting took longer than its budget (2.40s of 1.50s, loader.post_boot_greeting.budget_ms); told once per text",
  ]);
  assert.deepEqual(house.report, { outcome: "spoken", speakMs: 2400, resumeAfterMs: 150, listening: true });
  house.ended();
  const exact = new House();
  exact.speak = { afterMs: 1500, answer: { state: "finished", spokenMs: null } };
  await exact.run();
  assert.deepEqual(exact.warnings, [], "the budget itself is within it");
});

for (
  const [what, afterMs, text, heard] of [
    ["60 ms for 26 characters", 60, greeting.text, false],
    ["the fastest voice there is", 26 * 25, greeting.text, true],
    ["a short word", 45, "Hi!", true],
    ["what makes no sound", 5, "… … …", true],
  ] as const
) {
  Deno.test(`P14: greet() ${heard ? "believes" : "warns of"} ${what}`, async () => {
    for (const how of ["answer", "event"]) {
      const house = new House();
      if (how === "event") house.speak = { afterMs: 1, answer: { state: "accepted" } };
      else house.speak = { afterMs, answer: { state: "finished", spokenMs: null } };
      await house.run({ text }, { ms: afterMs });
      house.finish.resolve({ ok: true, spokenMs: null, detail: "" });
      await house.clock.advance(60_000);
      assert.equal(house.report?.outcome, heard ? "spoken" : "not heard");
      assert.equal(house.warnings.length, heard ? 0 : 1);
      if (!heard) {
        assert.match(
          house.warnings[0]!,
          /^TTS: Greeting not heard: nobody says 26 characters in 0\.06s; is there/,
        );
      }
      assert.equal(house.steps.at(-1), `resume ${afterMs + 150}`, "the guard is kept all the same");
      house.ended();
    }
  });
}

for (const [timeoutMs, expected] of [[5000, 5000], [2000, 2000], [300, 2000]] as const) {
  Deno.test(`greet() forces the resume after ${expected} ms when nothing finishes (timeout ${timeoutMs} ms)`, async () => {
    for (const silent of ["no answer", "accepted"]) {
      const house = new House();
      house.speak = silent === "accepted" ? { afterMs: 1, answer: { state: "accepted" } } : null;
      await house.run({ timeoutMs }, { ms: expected - 1 });
      assert.equal(house.steps.at(-1), "speak 0");
      await house.clock.advance(1);
      assert.equal(house.steps.at(-1), `resume ${expected}`, "at once, without a guard");
      await house.clock.advance(60_000);
      assert.deepEqual(house.warnings, [
        `TTS: Greeting failed: no end within ${
          expected / 1000
        } s (loader.post_boot_greeting.timeout_sec); enabling wake-word detection all the same`,
      ]);
      assert.deepEqual(house.report, {
        outcome: "timeout",
        speakMs: null,
        resumeAfterMs: 0,
        listening: true,
      });
      house.finish.resolve({ ok: true, spokenMs: 1, detail: "" }); // late: changes nothing
      await house.clock.settle();
      house.ended();
    }
  });
}

Deno.test("greet() enables listening at once when TTS answers with an error, one WARNING, no second try", async () => {
  const house = new House();
  house.speak = { afterMs: 30, answer: { state: "failed", detail: "/control/speak answered 500" } };
  await house.run();
  assert.deepEqual(house.steps, ["pause 0", "system_ready 0", "speak 0", "resume 30"]);
  assert.deepEqual(house.warnings, [
    "TTS: Greeting failed: /control/speak answered 500; enabling wake-word detection all the same",
  ]);
  assert.equal(house.report?.outcome, "failed");
  house.ended();
});

Deno.test("R8: greet() has failed, with one WARNING, when its end cannot be listened for; listening is enabled", async () => {
  const house = new House();
  await house.run({}, {
    listen: () => {
      throw new Error("Too many open files (os error 24)");
    },
  });
  assert.deepEqual(house.steps, ["pause 0", "system_ready 0", "resume 0"]);
  assert.deepEqual(house.warnings, [
    "TTS: Greeting failed: Too many open files (os error 24); enabling wake-word detection all the same",
  ]);
  assert.deepEqual([house.report?.outcome, house.report?.listening], ["failed", true]);
  house.ended();
});

Deno.test("greet() enables listening at once when TTS dies in mid-speech", async () => {
  const house = new House();
  house.speak = null;
  await house.run({}, { ms: 400 });
  house.ttsCopy.exit(null, "SIGKILL");
  await house.clock.advance(60_000);
  assert.equal(house.steps.at(-1), "resume 400");
  assert.deepEqual(house.warnings, [
    "TTS: Greeting failed: TTS ended while it spoke; enabling wake-word detection all the same",
  ]);
  assert.equal(house.report?.outcome, "failed");
  house.ended();
});

Deno.test("greet() tells that TTS died, also when its connection goes first", async () => {
  for (const dies of [true, false]) {
    const house = new House();
    house.speak = { afterMs: 30, answer: { state: "failed", detail: "/control/speak: closed", lost: true } };
    await house.run({}, { ms: 31 });
    if (dies) house.ttsCopy.exit(1);
    await house.clock.advance(60_000);
    assert.equal(house.steps.at(-1), dies ? "resume 31" : "resume 230");
    assert.deepEqual(house.warnings, [
      `TTS: Greeting failed: ${
        dies ? "TTS ended while it spoke" : "/control/speak: closed"
      }; enabling wake-word detection all the same`,
    ]);
    house.ended();
  }
});

Deno.test("greet() enables listening at once when TTS tells that it could not speak", async () => {
  const house = new House();
  house.speak = { afterMs: 1, answer: { state: "accepted" } };
  await house.run({}, { ms: 100 });
  house.finish.resolve({ ok: false, spokenMs: null, detail: "TTS told that it could not speak" });
  await house.clock.advance(60_000);
  assert.equal(house.steps.at(-1), "resume 100");
  assert.equal(house.report?.outcome, "failed");
  assert.equal(house.warnings.length, 1);
  house.ended();
});

Deno.test("greet() speaks all the same when KWD refuses the pause, and resumes", async () => {
  const house = new House();
  house.answers.pause = refused;
  await house.run();
  assert.deepEqual(house.steps, ["pause 0", "system_ready 0", "speak 0", "resume 1090"]);
  assert.deepEqual(house.warnings, [
    "KWD: Pause before the greeting refused (/control/pause answered 500); greeting all the same",
  ]);
  assert.equal(house.report?.outcome, "spoken");
  house.ended();
});

Deno.test("greet() warns once of a KWD without control, and of one that does not accept SYSTEM_READY", async () => {
  const silent = new House();
  silent.answers = { pause: notOffered, system_ready: notOffered };
  silent.resumes = [notOffered];
  await silent.run();
  assert.equal(silent.warnings.length, 1);
  assert.match(silent.warnings[0]!, /^KWD: Offers no control \(\/control\/pause answered 404\)/);
  assert.equal(
    silent.lines.at(-1),
    "KWD INFO Whether it listens is not known: it cannot be told to, nor asked",
  );
  assert.ok(!silent.lines.some((line) => line.includes("READY FOR WAKE WORD")), "P15: nobody can tell");
  const odd = new House();
  odd.answers.system_ready = { state: "failed", detail: "/control/system_ready answered 500" };
  await odd.run();
  assert.deepEqual(odd.warnings, ["KWD: SYSTEM_READY not accepted (/control/system_ready answered 500)"]);
  assert.equal(odd.report?.outcome, "spoken");
  odd.ended();
});

Deno.test("greet() does not pause when that is not configured, and resumes all the same", async () => {
  const house = await new House().run({ pauseDuringTts: false });
  assert.deepEqual(house.steps, ["system_ready 0", "speak 0", "resume 1090"]);
  house.ended();
});

Deno.test("greet() enables listening as soon as SYSTEM_READY arrives when it is disabled, or there is no TTS", async () => {
  const disabled = await new House().run({ enabled: false });
  assert.deepEqual(disabled.steps, ["system_ready 0", "resume 0"]);
  assert.deepEqual(disabled.report, {
    outcome: "disabled",
    speakMs: null,
    resumeAfterMs: 0,
    listening: true,
  });
  assert.deepEqual(disabled.warnings, []);
  disabled.ended();
  const mute = await new House().run({}, { tts: null });
  assert.deepEqual(mute.steps, ["system_ready 0", "resume 0"]);
  assert.deepEqual(mute.report, { outcome: "skipped", speakMs: null, resumeAfterMs: 0, listening: true });
  assert.deepEqual(mute.warnings, []);
  mute.ended();
});

Deno.test("P15: greet() does not begin to speak, nor to pause, where there is no control for it", async () => {
  const mute = new House();
  mute.control.tts = { kind: "none" };
  await mute.run();
  assert.deepEqual(mute.steps, ["system_ready 0", "resume 0"]);
  assert.equal(
    mute.lines[0],
    "KWD INFO Received SYSTEM_READY; tts has no control to speak with, enabling wake-word detection",
  );
  assert.deepEqual(mute.warnings, [], "told with the configuration");
  assert.equal(mute.report?.outcome, "skipped");
  mute.ended();
  const deaf = new House();
  deaf.control.kwd = { kind: "command", speak: null, pause: null, resume: ["resume"] };
  await deaf.run();
  assert.deepEqual(deaf.steps, ["system_ready 0", "speak 0", "resume 1090"]);
  assert.deepEqual(deaf.warnings, []);
  deaf.ended();
});

Deno.test("greet() skips with one INFO line when there is no KWD", async () => {
  const house = await new House().run({}, { kwd: null });
  assert.deepEqual(house.steps, []);
  assert.deepEqual(house.lines, [
    "LOADER INFO No service has the role kwd: greeting skipped, there is no wake word to enable",
  ]);
  assert.equal(house.report?.outcome, "skipped");
  assert.equal(house.clock.pending, 0);
});

Deno.test("greet() only watches a KWD that greets by itself, and resumes at the watchdog's end", async () => {
  const house = new House();
  house.greets = true;
  await house.run({}, { ms: 4999 });
  assert.deepEqual(house.steps, ["pause 0", "system_ready 0"]);
  await house.clock.advance(60_000);
  assert.deepEqual(house.steps.slice(2), ["resume 5000"], "the loader never speaks");
  assert.equal(house.report?.outcome, "by_kwd");
  house.ended();
});

Deno.test("greet() repeats the resume with growing pauses until KWD accepts it, one WARNING", async () => {
  const house = new House();
  house.resumes = Array(7).fill({ state: "failed", detail: "/control/resume answered 503" });
  await house.run();
  const resumes = house.asked.filter(({ step }) => step === "resume").map(({ at }) => at - 1090);
  assert.deepEqual(resumes, [0, 100, 300, 700, 1500, 3100, 5100, 7100]);
  assert.deepEqual(house.warnings, [
    "KWD: Resume refused (/control/resume answered 503); repeating until it is accepted",
  ]);
  assert.equal(house.report?.resumeAfterMs, 7250);
  assert.ok(house.lines.includes("KWD INFO Resume wake-word detection after 7250ms"));
  house.ended();
});

Deno.test("greet() ends when KWD dies while it refuses the resume: the next copy is told when it is up", async () => {
  const house = new House();
  house.resumes = Array(1000).fill({ state: "failed", detail: "connection refused" });
  await house.run({}, { ms: 1500 });
  assert.equal(house.report, null);
  house.kwdCopy.exit(1);
  await house.clock.advance(10_000);
  assert.deepEqual(house.report, { outcome: "spoken", speakMs: 940, resumeAfterMs: null, listening: false });
  assert.ok(
    !house.lines.some((line) => line.includes("READY FOR WAKE WORD")),
    "enabled only after it accepted",
  );
  assert.equal(house.clock.pending, 0);
});

Deno.test("greet() ends when KWD was given up while TTS spoke: nobody is there to be asked again and again", async () => {
  const house = new House();
  house.resumes = Array(1000).fill({ state: "failed", detail: "connection refused" });
  house.kwdIsGone = true;
  await house.run({}, { ms: 10_000 });
  assert.deepEqual(house.report, { outcome: "spoken", speakMs: 940, resumeAfterMs: null, listening: false });
  assert.equal(house.asked.filter(({ step }) => step === "resume").length, 1);
  assert.equal(house.clock.pending, 0);
});

Deno.test("enableListening() goes on asking an external KWD, whose process nobody knows", async () => {
  const house = new House();
  house.kwdIsExternal = true;
  house.resumes = Array(20).fill({ state: "failed", detail: "connection refused" });
  const told = enableListening(house.kwd, house.options, 0, 0);
  await house.clock.advance(120_000);
  assert.equal(typeof await told, "number");
  assert.equal(house.lines.at(-1), "KWD INFO Wake-word detection enabled; READY FOR WAKE WORD");
  assert.equal(house.clock.pending, 0);
});

for (const step of ["pause", "system_ready", "speak", "resume"] as const) {
  Deno.test(`greet() leaves nothing behind when a stop comes at "${step}"`, async () => {
    const house = new House();
    house.abortAt = step;
    await house.run();
    assert.deepEqual(house.report, {
      outcome: "aborted",
      speakMs: null,
      resumeAfterMs: null,
      listening: false,
    });
    assert.equal(house.asked.at(-1)?.step, step, "nothing more is asked of anybody");
    assert.equal(house.clock.pending, 0, "timers are left");
    assert.equal(house.listening, 0);
  });
}

for (const [what, at] of [["speech", 500], ["guard", 1000]] as const) {
  Deno.test(`greet() leaves nothing behind when a stop comes during the ${what}`, async () => {
    const house = new House();
    await house.run({}, { ms: at });
    house.abort.abort(new DOMException("the loader is stopping", "AbortError"));
    await house.clock.advance(60_000);
    assert.equal(house.report?.outcome, "aborted");
    assert.equal(house.asked.at(-1)?.step, "speak");
    assert.equal(house.clock.pending, 0, "timers are left");
    assert.equal(house.listening, 0);
  });
}

Deno.test("greet() leaves nothing behind when a stop comes while KWD refuses, or greets by itself", async () => {
  const refusing = new House();
  refusing.resumes = Array(1000).fill(refused);
  await refusing.run({}, { ms: 3000 });
  const greeting = new House();
  greeting.greets = true;
  await greeting.run({}, { ms: 3000 });
  for (const house of [refusing, greeting]) {
    house.abort.abort(new DOMException("the loader is stopping", "AbortError"));
    await house.clock.settle();
    assert.equal(house.report?.outcome, "aborted");
    assert.equal(house.clock.pending, 0);
  }
});

Deno.test("greet() with a real listener ignores finish events that are stale, double or of another tag", async () => {
  const house = new House();
  const ignored: string[] = [];
  let url = "";
  const opened = Promise.withResolvers<void>();
  house.speak = { afterMs: 0, answer: { state: "accepted" } };
  const done = greet({
    ...house.options,
    plan: greeting,
    kwd: house.kwd,
    tts: house.tts,
    bootId: "boot",
    listen(tag, token, onIgnored) {
      const listener = listenForFinish(tag, token, (why) => (ignored.push(why), onIgnored(why)));
      url = listener.url;
      opened.resolve();
      return listener;
    },
  });
  await house.clock.advance(10);
  await opened.promise;
  const post = async (address: string, body: unknown) => {
    const answer = await fetch(address, { method: "POST", body: JSON.stringify(body) });
    await answer.body?.cancel();
    return answer.status;
  };
  const stale = url.replace(/[^/]+$/, "00000000-0000-0000-0000-000000000000");
  assert.equal(await post(stale, { tag: "boot_greeting", ok: true }), 404);
  assert.equal(await post(url, { tag: "answer_17", ok: true }), 409);
  assert.equal(await post(url, { ok: true }), 409);
  assert.equal(await post(url, [1]), 409);
  await house.clock.advance(300);
  assert.ok(!house.steps.some((step) => step.startsWith("resume")), "none of these counts");
  assert.equal(await post(url, { tag: "boot_greeting", ok: true, spoken_ms: 900 }), 200);
  await house.clock.settle();
  assert.equal(await post(url, { tag: "boot_greeting", ok: false }), 200);
  await house.clock.advance(150);
  const report = await done;
  assert.equal(report.outcome, "spoken");
  assert.deepEqual(house.asked.at(-1), { step: "resume", at: 460 });
  assert.equal(house.lines.filter((line) => line.startsWith("TTS INFO Ignored: ")).length, ignored.length);
  assert.deepEqual(ignored.at(-1), "double finish event");
  assert.equal(house.clock.pending, 0);
  await assert.rejects(
    () => post(url, { tag: "boot_greeting", ok: true }),
    "the listener exists only during the greeting",
  );
});
