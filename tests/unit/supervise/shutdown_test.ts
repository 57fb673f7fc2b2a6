import assert from "node:assert/strict";
import fc from "fast-check";
import { shutdown } from "../../../lib/supervise/shutdown.ts";
import { describePid, readStat } from "../../../lib/sys/process/procfs.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { bringUp, fakeSupervisor, type FakeUnit, memoryLog } from "../../support/fake_service.ts";

/** Four services that are up; each waits to be let go before it is gone. */
async function house(names = ["kwd", "tts", "llm", "stt"]) {
  const clock = new FakeClock();
  const order: string[] = [];
  const all: FakeUnit[] = names.map((name) =>
    fakeSupervisor({}, {
      name,
      clock,
      observe: (fact) => fact.fact === "state" && order.push(`${fact.service} ${fact.to}`),
    })
  );
  for (const fake of all) await bringUp(fake);
  for (const { service } of all) service.holdsOn = true;
  order.length = 0;
  const { log, lines } = memoryLog(clock);
  const force = new AbortController();
  const supervisors = all.map(({ supervisor }) => supervisor);
  const stop = () =>
    shutdown(supervisors, { clock, log, budgetMs: 10_000, force: force.signal }).then(({ left }) => left);
  const end = async () => {
    await Promise.all(supervisors.map((supervisor) => supervisor.idle()));
    assert.ok(supervisors.every((supervisor) => supervisor.state.actual === "idle"));
    assert.ok(all.every(({ service }) => service.copy === null));
    assert.equal(clock.pending, 0, "timers are left");
  };
  return { clock, all, order, lines, force, stop, end };
}

Deno.test("shutdown() stops one after the other, each until its last process is gone", async () => {
  const { clock, all, order, lines, stop, end } = await house();
  const stopped = stop();
  for (const [i, { service }] of all.entries()) {
    await clock.advance(100);
    assert.deepEqual(order, [
      ...all.slice(0, i).flatMap((
        { supervisor },
      ) => [`${supervisor.name} stopping`, `${supervisor.name} idle`]),
      `${service.name} stopping`,
    ]);
    service.letGo();
    await clock.settle();
  }
  assert.deepEqual(await stopped, []);
  assert.deepEqual(lines, []);
  await end();
});

Deno.test("shutdown() kills everything that is left when its budget is over, and says what that is", async () => {
  const { clock, all, lines, stop, end } = await house();
  const stopped = stop();
  await clock.settle();
  all[0]!.service.letGo();
  await clock.advance(9999);
  assert.deepEqual(lines.filter((line) => line.includes("WARNING")), []);
  await clock.advance(1);
  assert.deepEqual(await stopped, []);
  assert.deepEqual(lines.filter((line) => line.includes("WARNING")), [
    "LOADER WARNING Shutdown takes longer than 10 s; killing what is left: tts, llm, stt",
  ]);
  await end();
});

Deno.test("shutdown() kills everything at once on a second signal, also when that came before", async () => {
  for (const before of [true, false]) {
    const { clock, lines, force, stop, end } = await house();
    if (before) force.abort();
    const stopped = stop();
    await clock.advance(before ? 0 : 50);
    force.abort();
    await clock.settle();
    assert.deepEqual(await stopped, []);
    assert.equal(clock.now(), before ? 0 : 50);
    assert.deepEqual(lines, ["LOADER WARNING Second signal; killing what is left: kwd, tts, llm, stt"]);
    await end();
  }
});

Deno.test("shutdown() of services that never ran, failed or wait for their backoff says nothing of them", async () => {
  const { clock, all, lines, force, stop, end } = await house(["kwd", "tts", "llm"]);
  for (const { service } of all) service.holdsOn = false;
  all[0]!.service.copy!.exit(0); // failed
  all[1]!.service.copy!.exit(1); // backoff
  await clock.settle();
  assert.deepEqual(all.map(({ supervisor }) => supervisor.state.actual), ["failed", "backoff", "up"]);
  force.abort();
  assert.deepEqual(await stop(), []);
  assert.deepEqual(lines, ["LOADER WARNING Second signal; killing what is left: llm"]);
  await end();
});

Deno.test("shutdown() names those of which something is left", async () => {
  const { clock, all, stop, end } = await house(["kwd", "tts"]);
  for (const { service } of all) service.holdsOn = false;
  const { service } = all[1]!;
  const usual = service.stop.bind(service);
  service.stop = async (grace, force) => ({
    ...await usual(grace, force),
    left: ["pid 7 (python) holds port 5004"],
  });
  const stopped = stop();
  await clock.settle();
  assert.deepEqual(await stopped, ["tts"]);
  assert.ok(all[1]!.lines.includes("TTS ERROR In the way: pid 7 (python) holds port 5004"));
  await end();
});

Deno.test({
  name: "T13: shutdown() says every 2 s which processes it waits for",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { clock, all, lines, stop, end } = await house(["kwd", "tts"]);
    const [kwd, tts] = all;
    const ourselves = readStat(Deno.pid)!; // any process that is there
    for (const { service } of all) service.copy!.members = [ourselves];
    const stopped = stop();
    await clock.advance(1999);
    assert.deepEqual(lines, []);
    await clock.advance(2001);
    const waits = `LOADER INFO Waiting for kwd to stop: ${describePid(Deno.pid)}`;
    assert.match(waits, /: pid \d+ \(.+\)$/);
    assert.deepEqual(lines, [waits, waits]);
    kwd!.service.letGo();
    await clock.advance(2000);
    assert.deepEqual(lines.slice(2), [`LOADER INFO Waiting for tts to stop: ${describePid(Deno.pid)}`]);
    tts!.service.letGo();
    await clock.settle();
    assert.deepEqual(await stopped, []);
    await end();
  },
});

Deno.test("U05: a service that crashes while others are being stopped, or before, is not started again", async () => {
  const { clock, all, stop, end } = await house();
  const [kwd, tts, llm, stt] = all;
  for (const one of [llm, stt]) one!.service.holdsOn = false;
  stt!.service.copy!.exit(1); // it waits for its backoff when the stop begins
  await clock.settle();
  assert.equal(stt!.supervisor.state.actual, "backoff");
  const stopped = stop();
  await clock.settle();
  llm!.service.copy!.exit(1);
  await clock.advance(5000); // past both backoffs; kwd is still in the way
  assert.equal(kwd!.supervisor.state.actual, "stopping");
  assert.deepEqual(all.map(({ service }) => service.starts), [1, 1, 1, 1]);
  kwd!.service.letGo();
  tts!.service.letGo();
  await clock.settle();
  assert.deepEqual(await stopped, []);
  await end();
});

Deno.test("U05: whatever crashes whenever during a stop, nothing is started again", async () => {
  const moves = fc.record({
    turn: fc.nat({ max: 7 }),
    who: fc.nat({ max: 3 }),
    crashes: fc.boolean(), // else it goes as soon as it is asked
    code: fc.constantFrom(0, 1),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 3 }), fc.array(moves, { maxLength: 12 }), async (stopTurn, all) => {
      const { clock, all: fakes, stop, end } = await house();
      let stopped: Promise<string[]> | null = null;
      let before: number[] = [];
      for (let turn = 0; turn < 8; turn++) {
        if (turn === stopTurn) {
          before = fakes.map(({ service }) => service.starts);
          stopped = stop();
        }
        for (const { who, crashes, code } of all.filter((move) => move.turn === turn)) {
          const { service } = fakes[who]!;
          if (crashes) service.copy?.exit(code);
          else service.letGo();
        }
        await clock.advance(1100);
      }
      await clock.advance(10_000); // the budget's end at the latest
      assert.deepEqual(await stopped, []);
      assert.deepEqual(fakes.map(({ service }) => service.starts), before);
      await end();
    }),
    { numRuns: Math.min(Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 40), 500) },
  );
});
