import assert from "node:assert/strict";
import fc from "fast-check";
import {
  nextDelayMs,
  type Probe,
  type ProbeResult,
  type WaitOptions,
  waitReady,
} from "../../../lib/probes/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { probeOf, TestTarget } from "./support.ts";

const waitingFor = (detail: string): ProbeResult => ({ state: "waiting", detail });
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

Deno.test("nextDelayMs() starts at 2 ms, widens with the time waited, and ends at the slowest pace", () => {
  assert.equal(nextDelayMs(0, 250), 2);
  assert.equal(nextDelayMs(200, 250), 2);
  assert.equal(nextDelayMs(900, 250), 9);
  assert.equal(nextDelayMs(10_000, 250), 100);
  assert.equal(nextDelayMs(60_000, 250), 250);
  assert.equal(nextDelayMs(60_000, 1), 2);
});

Deno.test("nextDelayMs() is dense around the moment that history predicts", () => {
  assert.equal(nextDelayMs(9_500, 250, 10_000), 5);
  assert.equal(nextDelayMs(10_900, 250, 10_000), 5);
  assert.equal(nextDelayMs(11_100, 250, 10_000), 111);
  // 50 ms before the stretch begins, the pause ends with it.
  assert.equal(nextDelayMs(8_950, 250, 10_000), 50);
  assert.equal(nextDelayMs(5_000, 250, 10_000), 50);
});

Deno.test("nextDelayMs() stays between 2 ms and the slowest pace, and a whole wait is a bounded number of checks", () => {
  const time = fc.double({ min: 0, max: 600_000, noNaN: true });
  const expected = fc.option(fc.double({ min: -10, max: 600_000, noNaN: true }));
  fc.assert(fc.property(time, fc.integer({ min: 1, max: 5000 }), expected, (waited, max, when) => {
    const delay = nextDelayMs(waited, max, when);
    assert.ok(delay >= 2 && delay <= Math.max(2, max), `${delay}`);
  }));
  fc.assert(fc.property(fc.integer({ min: 100, max: 120_000 }), (when) => {
    let checks = 0;
    for (let t = 0; t < 1.3 * when; t += nextDelayMs(t, 250, when)) checks++;
    assert.ok(checks < 1500, `${checks}`);
  }));
});

Deno.test("waitReady() asks at once, and resolves with the time it took", async () => {
  const { clock, options } = setup();
  const probe = new Scripted("http", () => clock.now() >= 30 ? ready : waitingFor("503, loading"));
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
  await clock.advance(20);
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
  const listeners = new Set<() => void>();
  return {
    listeners,
    say: () => listeners.forEach((fn) => fn()),
    onSign(fn: () => void): Disposable {
      listeners.add(fn);
      return { [Symbol.dispose]: () => void listeners.delete(fn) };
    },
  };
}

Deno.test("waitReady() asks again when the service gives a sign of life, and densely for a while after it", async () => {
  const { say, listeners, onSign } = voice();
  const { clock, options } = setup({ onSign });
  let answer = waitingFor("connection refused");
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

Deno.test("waitReady() hears a sign that comes while it asks, and is not driven by one that never stops talking", async () => {
  const { say, onSign } = voice();
  const { clock, options } = setup({ onSign });
  let answers: PromiseWithResolvers<ProbeResult> | null = null;
  const probe = new Scripted("http", () => answers?.promise ?? waitingFor("refused"));
  const wait = waitReady([probe], options);
  await clock.advance(30_000);
  answers = Promise.withResolvers();
  const before = probe.asked;
  await clock.advance(250);
  assert.equal(probe.asked, before + 1);
  say();
  answers.resolve(waitingFor("refused"));
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
  using probe = probeOf({ type: "tcp", host: "127.0.0.1", port, owner: "any" });
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
