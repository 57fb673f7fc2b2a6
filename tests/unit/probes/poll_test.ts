import assert from "node:assert/strict";
import {
  type ActivityKind,
  type OnActivity,
  type Probe,
  type ProbeResult,
  type WaitOptions,
  waitReady,
} from "../../../lib/probes/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { probeOf, TestTarget } from "./support.ts";

const waitingFor = (detail: string): ProbeResult => ({ state: "waiting", detail });
const refused: ProbeResult = { state: "waiting", detail: "connection refused", unheard: true };
const ready: ProbeResult = { state: "ready", detail: "200" };

/** A pull probe that answers from `next`, and counts. */
class Scripted implements Probe {
  asked = 0;
  inFlight = 0;
  next: (signal: AbortSignal) => ProbeResult | Promise<ProbeResult>;
  readonly description: string;

  constructor(description: string, next: (signal: AbortSignal) => ProbeResult | Promise<ProbeResult>) {
    this.description = description;
    this.next = next;
  }

  async check({ signal }: { signal: AbortSignal }): Promise<ProbeResult> {
    this.asked++;
    assert.equal(++this.inFlight, 1, "a check began before the last one ended");
    try {
      return await this.next(signal);
    } finally {
      this.inFlight--;
    }
  }

  [Symbol.dispose]() {}
}

function setup(overrides: Partial<WaitOptions> = {}) {
  const clock = new FakeClock();
  const owner = new AbortController();
  const said: string[] = [];
  const options: WaitOptions = {
    clock,
    signal: owner.signal,
    pollMaxMs: 250,
    timeoutMs: 2000,
    onWaiting: (detail) => said.push(detail),
    ...overrides,
  };
  return { clock, owner, said, options };
}

Deno.test("waitReady() asks at once, and resolves with the time it took", async () => {
  const { clock, options } = setup();
  const probe = new Scripted("http", () => clock.now() >= 30 ? ready : refused);
  const wait = waitReady([probe], options);
  await clock.settle();
  assert.equal(probe.asked, 1);
  await clock.advance(40);
  const { afterMs, detail } = await wait;
  assert.ok(afterMs >= 30 && afterMs <= 32, `${afterMs}`);
  assert.equal(detail, "200");
  assert.equal(clock.pending, 0);
});

Deno.test("waitReady() reports what is missing whenever that changes", async () => {
  const { clock, said, options } = setup();
  let answer = waitingFor("connection refused");
  const probe = new Scripted("http", () => answer);
  const wait = waitReady([probe], options);
  await clock.advance(20);
  answer = waitingFor("503, loading");
  await clock.advance(20);
  answer = ready;
  await clock.advance(40);
  await wait;
  assert.deepEqual(said, ["connection refused", "503, loading"]);
});

Deno.test("waitReady() never has two checks of one probe under way", async () => {
  const { clock, options } = setup();
  const gate = Promise.withResolvers<ProbeResult>();
  const probe = new Scripted("slow", () => gate.promise);
  const wait = waitReady([probe], options);
  await clock.advance(5000);
  assert.equal(probe.asked, 1);
  gate.resolve(ready);
  await wait;
});

Deno.test("waitReady() is woken by a push at once, without polling", async () => {
  const { clock, options } = setup();
  const target = new TestTarget();
  using probe = probeOf({ type: "notify" }, target);
  const wait = waitReady([probe], options);
  await clock.advance(5_000);
  assert.equal(clock.pending, 0);
  target.notify();
  const { afterMs } = await wait;
  assert.equal(afterMs, 5_000);
  assert.equal(target.subscriptions, 0);
});

/** What a service says, as the wait hears it. */
function voice() {
  const listeners = new Set<(kind: ActivityKind) => void>();
  const onActivity: OnActivity = (fn) => {
    listeners.add(fn);
    return { [Symbol.dispose]: () => void listeners.delete(fn) };
  };
  return {
    listeners,
    onActivity,
    say: (kind: ActivityKind = "output") => listeners.forEach((fn) => fn(kind)),
  };
}

Deno.test("waitReady() asks again when the service gives a sign of life, and densely for a while after it", async () => {
  const { say, listeners, onActivity } = voice();
  const { clock, options } = setup({ onActivity });
  let answer: ProbeResult = refused;
  const probe = new Scripted("http", () => answer);
  const wait = waitReady([probe], options);
  await clock.advance(30_000); // the pace is 250 ms by now
  const before = probe.asked;
  while (probe.asked === before) await clock.advance(1); // a question was asked right now
  await clock.advance(60);
  say();
  await clock.settle();
  assert.equal(probe.asked, before + 2, "a sign is followed by a question");
  await clock.advance(15);
  assert.equal(probe.asked, before + 5, "and by others after 2, 4 and 8 ms");
  answer = ready;
  await clock.advance(16);
  await wait;
  assert.equal(clock.pending, 0);
  assert.equal(listeners.size, 0);
});

Deno.test("waitReady() hears a sign that comes while it asks a closed port, and is not driven by one that never stops talking", async () => {
  const { say, onActivity } = voice();
  const { clock, options } = setup({ onActivity });
  let answers: PromiseWithResolvers<ProbeResult> | null = null;
  const probe = new Scripted("http", () => answers?.promise ?? refused);
  const wait = waitReady([probe], options);
  await clock.advance(30_000);
  answers = Promise.withResolvers();
  const before = probe.asked;
  await clock.advance(250);
  assert.equal(probe.asked, before + 1);
  say();
  answers.resolve(refused);
  answers = null;
  await clock.advance(26);
  assert.ok(probe.asked >= before + 2, "the next question did not wait for the whole pause");
  const chatty = probe.asked;
  for (let i = 0; i < 1000; i++) {
    say();
    await clock.advance(1);
  }
  assert.ok(probe.asked - chatty <= 45, `${probe.asked - chatty} questions in a second of talk`);
  answers = Promise.withResolvers();
  answers.resolve(ready);
  await clock.advance(250);
  await wait;
  assert.equal(clock.pending, 0);
});

/** A server that answers "not yet" and prints `lateMs` later (0: before its answer), until the test lets it be ready. */
function logging(lateMs: number) {
  const { say, onActivity } = voice();
  const progress: number[] = [];
  const { clock, options } = setup({ onActivity, onProgress: () => void progress.push(clock.now()) });
  const at: number[] = [];
  let isReady = false;
  const probe = new Scripted("http", () => {
    at.push(clock.now());
    if (lateMs === 0) say();
    else clock.after(lateMs, say);
    return isReady ? ready : waitingFor("503, loading");
  });
  return { clock, options, probe, say, at, progress, beReady: () => void (isReady = true) };
}

const within = (at: readonly number[], from: number, to: number) =>
  at.filter((ms) => ms >= from && ms < to).length;

Deno.test("P1: a line printed because of our own question is no sign of life", async () => {
  for (const lateMs of [0, 1, 50, 90]) {
    const { clock, options, probe, at, progress, beReady } = logging(lateMs);
    const wait = waitReady([probe], options);
    await clock.advance(30_000);
    assert.ok(within(at, 0, 1000) <= 10, `${within(at, 0, 1000)} questions in the first second`);
    assert.ok(within(at, 1000, 30_000) <= 4 * 29, `${within(at, 1000, 30_000)} questions afterwards`);
    assert.deepEqual(progress, [], "an echo is no progress either");
    beReady();
    await clock.advance(250);
    await wait;
    await clock.advance(100);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("P1: whatever a service prints, it is asked at most ten times in a second, and four over time", async () => {
  for (const everyMs of [7, 40, 130, 240]) {
    const { clock, options, probe, at, say, progress, beReady } = logging(150);
    const wait = waitReady([probe], options);
    while (clock.now() < 8000) {
      await clock.advance(everyMs);
      say();
    }
    for (let from = 0; from < 8000; from += 100) {
      const questions = within(at, from, from + 1000);
      assert.ok(questions <= 10, `${questions} questions in the second from ${from}`);
    }
    assert.ok(within(at, 1000, 8000) <= 4 * 7 + 1, `${within(at, 1000, 8000)} questions afterwards`);
    assert.ok(progress.length > 0, "what it prints of its own accord is progress");
    beReady();
    await clock.advance(1000);
    await wait;
  }
});

Deno.test("P1: a genuine sign of life, printed or notified, is followed by a question at once", async () => {
  for (const kind of ["output", "notify"] as const) {
    const { clock, options, probe, at, say, beReady } = logging(0);
    const wait = waitReady([probe], options);
    await clock.advance(30_000);
    const before = at.length;
    while (at.length === before) await clock.advance(1); // a question was asked right now
    await clock.advance(120);
    beReady();
    say(kind);
    await clock.settle();
    assert.equal(at.length, before + 2);
    await wait;
    assert.equal(clock.pending, 0);
  }
});

Deno.test("P1: what was notified during an answer is no echo, but waits its time", async () => {
  const { clock, options, probe, at, say, progress, beReady } = logging(0);
  const wait = waitReady([probe], options);
  await clock.advance(30_000);
  const before = at.length;
  while (at.length === before) await clock.advance(1);
  beReady();
  say("notify");
  await clock.advance(99);
  assert.equal(at.length, before + 1);
  assert.equal(progress.length, 1);
  await clock.advance(1);
  await wait;
});

Deno.test("P1: what a service prints during a question that it never answers is a sign", async () => {
  const { say, onActivity } = voice();
  let progress = 0;
  const { clock, options, owner } = setup({ onActivity, onProgress: () => void progress++ });
  const gate = Promise.withResolvers<ProbeResult>();
  let answer: ProbeResult | Promise<ProbeResult> = gate.promise;
  const probe = new Scripted("http", () => answer);
  const wait = waitReady([probe], options);
  await clock.settle();
  say(); // reading weights …
  await clock.settle();
  assert.equal(progress, 0, "it may still answer");
  answer = waitingFor("503, loading");
  gate.resolve({ state: "timeout", detail: "no answer within 2000 ms" });
  await clock.settle();
  assert.equal(progress, 1);
  owner.abort(new Error("stopped"));
  await assert.rejects(wait, /^Error: stopped$/);
  assert.equal(clock.pending, 0);
});

Deno.test("P2: what waiting does not mend is told once it lasts, and ends the wait after ten seconds", async () => {
  const wrongs: (string | null)[] = [];
  const { clock, options } = setup({ onWrong: (detail) => void wrongs.push(detail) });
  const probe = new Scripted("http", () => ({ state: "wrong", detail: "404, expected 200" }));
  const wait = waitReady([probe], options);
  await clock.advance(499);
  assert.deepEqual(wrongs, [], "some servers answer 404 for a moment");
  await clock.advance(300);
  assert.deepEqual(wrongs, ["404, expected 200"]);
  await clock.advance(10_000);
  const { state, detail, afterMs } = await wait;
  assert.deepEqual([state, detail], ["wrong", "404, expected 200"]);
  assert.ok(afterMs >= 10_000 && afterMs <= 10_250, `${afterMs}`);
  assert.deepEqual(wrongs, ["404, expected 200"]);
  assert.equal(clock.pending, 0);
});

Deno.test("P2: one of several probes that stays wrong ends the wait by name, whatever the others do", async () => {
  const { clock, options } = setup();
  const target = new TestTarget();
  using notify = probeOf({ type: "notify" }, target);
  const wrong = new Scripted("grpc", () => ({ state: "wrong", detail: "NOT_FOUND" }));
  const wait = waitReady([notify, wrong, new Scripted("http", () => refused)], options);
  await clock.advance(10_500);
  const { state, detail } = await wait;
  assert.deepEqual([state, detail], ["wrong", "grpc: NOT_FOUND"]);
  assert.equal(clock.pending, 0);
  assert.equal(target.subscriptions, 0);
});

Deno.test("P2: what was wrong and came right is no reason to give up", async () => {
  const wrongs: (string | null)[] = [];
  const { clock, options } = setup({ onWrong: (detail) => void wrongs.push(detail) });
  let answer: ProbeResult = { state: "wrong", detail: "404, expected 200" };
  const wait = waitReady([new Scripted("http", () => answer)], options);
  await clock.advance(9_500);
  answer = waitingFor("503, loading");
  await clock.advance(300);
  answer = { state: "wrong", detail: "404, expected 200" };
  await clock.advance(9_500);
  answer = ready;
  await clock.advance(300);
  assert.equal((await wait).state, "ready");
  assert.deepEqual(wrongs, ["404, expected 200", null, "404, expected 200", null]);
});

Deno.test("waitReady() wants all probes to hold at once", async () => {
  const { clock, said, options } = setup();
  let first: ProbeResult = ready;
  let second: ProbeResult = waitingFor("NOT_SERVING");
  const a = new Scripted("tcp", () => first);
  const b = new Scripted("grpc", () => second);
  let done = false;
  const wait = waitReady([a, b], options).finally(() => done = true);
  await clock.advance(50);
  assert.deepEqual(said, ["grpc: NOT_SERVING"]);
  const askedWhileHeld = a.asked;
  await clock.advance(50);
  assert.equal(a.asked, askedWhileHeld, "a probe that holds is not asked while another is missing");
  // The first one falls over before the second is up: the wait goes on.
  first = waitingFor("connection refused");
  second = ready;
  await clock.advance(50);
  assert.equal(done, false);
  first = ready;
  await clock.advance(50);
  assert.equal((await wait).detail, "tcp: 200; grpc: 200");
  assert.equal(clock.pending, 0);
});

Deno.test("waitReady() rejects with the owner's reason at any moment, and leaves nothing behind", async () => {
  const { clock, owner, options } = setup();
  const target = new TestTarget();
  using notify = probeOf({ type: "notify" }, target);
  const pull = new Scripted("http", () => waitingFor("refused"));
  const hanging = new Scripted(
    "tcp",
    (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      ),
  );
  const wait = waitReady([notify, pull, hanging], options);
  await clock.advance(100);
  owner.abort(new Error("exited with code 1"));
  await assert.rejects(wait, /^Error: exited with code 1$/);
  assert.equal(clock.pending, 0);
  assert.equal(target.subscriptions, 0);
  await assert.rejects(waitReady([pull], options), /^Error: exited with code 1$/);
});

Deno.test("waitReady() ends when a probe breaks its promise never to reject", async () => {
  const { clock, options } = setup();
  const pull = new Scripted("http", () => waitingFor("refused"));
  const broken = new Scripted("odd", () => {
    throw new Error("a fault in the probe");
  });
  await assert.rejects(waitReady([pull, broken], options), /^Error: a fault in the probe$/);
  assert.equal(clock.pending, 0);
});

Deno.test("waitReady() sees a real port within milliseconds of its opening", async () => {
  using reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = reserved.addr;
  reserved.close();
  using probe = probeOf({ type: "tcp", host: "127.0.0.1", port });
  const asked = Promise.withResolvers<void>();
  const wait = waitReady([probe], {
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
    pollMaxMs: 250,
    timeoutMs: 1000,
    onWaiting: () => asked.resolve(),
  });
  await asked.promise;
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  const opened = performance.now();
  await wait;
  assert.ok(performance.now() - opened < 200);
  (await listener.accept()).close();
});
