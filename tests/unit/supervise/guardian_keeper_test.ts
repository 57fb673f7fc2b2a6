import assert from "node:assert/strict";
import { GuardianKeeper } from "../../../lib/supervise/guardian_keeper.ts";
import type { Guardian, GuardianOptions } from "../../../lib/sys/process/guardian.ts";
import type { Identity } from "../../../lib/sys/process/process.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { memoryLog } from "../../support/fake_service.ts";

/** Guardians of paper: each keeps what it was told. */
function guarded() {
  const clock = new FakeClock();
  const { log, lines } = memoryLog(clock);
  const started: { told: string[]; die(reason: string): void }[] = [];
  const world = { broken: null as string | null, tries: 0 };
  const start = ({ onDied }: GuardianOptions): Guardian => {
    world.tries++;
    if (world.broken) throw new Error(world.broken);
    const told: string[] = [];
    started.push({ told, die: onDied });
    return {
      input: -1,
      pid: 100 + started.length,
      note: ({ pid, startTime }) => void told.push(`+ ${pid} ${startTime}`),
      seen: (leader, who) => void told.push(`= ${leader.pid} ${who.map(({ pid }) => pid)}`),
      forget: ({ pid }) => void told.push(`- ${pid}`),
      [Symbol.asyncDispose]: () => Promise.resolve(void told.push("bye")),
    };
  };
  const watch = () => new GuardianKeeper({ bootId: "b", graceMs: 1, log, clock, start });
  return { clock, lines, started, world, watch };
}
const id = (pid: number): Identity => ({ pid, startTime: pid * 10 });

Deno.test("D04, D05: a guardian that died is replaced, and the new one is told all that the old one knew", async () => {
  const { clock, lines, started, watch } = guarded();
  {
    await using over = watch();
    over.note(id(7));
    over.note(id(8));
    over.seen(id(7), [id(71), id(72)]);
    over.seen(id(8), [id(81)]);
    over.forget(id(8));
    await clock.advance(5000);
    started[0]!.die("SIGKILL");
    assert.deepEqual(started[1]!.told, ["+ 7 70", "= 7 71,72"]);
    over.note(id(9));
    assert.deepEqual(started[1]!.told.slice(2), ["+ 9 90"]);
    assert.deepEqual(lines, ["LOADER WARNING The guardian ended (SIGKILL); starting another"]);
  }
  assert.equal(started[1]!.told.at(-1), "bye");
  assert.ok(!started[0]!.told.includes("bye"));
  assert.equal(clock.pending, 0);
});

Deno.test("D03: who ends is forgotten, and not whoever has its number by now", async () => {
  const { clock, started, watch } = guarded();
  await using over = watch();
  const again = { pid: 7, startTime: 71 };
  over.note(id(7));
  over.seen(id(7), [id(72)]);
  over.note(again);
  over.seen(again, [id(73)]);
  over.forget(id(7)); // the end of the one before is told late
  over.note(id(8));
  over.forget(id(8));
  assert.deepEqual(started[0]!.told.filter((line) => line.startsWith("-")), ["- 7", "- 8"]);
  await clock.advance(5000);
  started[0]!.die("SIGKILL");
  assert.deepEqual(started[1]!.told, ["+ 7 71", "= 7 73"]);
});

Deno.test("R18: where no guardian can be started the loader goes on without one, says so once, and tries again", async () => {
  const { clock, lines, started, world, watch } = guarded();
  await using over = watch();
  over.note(id(7));
  await clock.advance(5000);
  world.broken = "Too many open files (os error 24)";
  started[0]!.die("SIGKILL");
  over.note(id(8)); // taken without a guardian, too
  await clock.advance(20_000);
  assert.ok(world.tries >= 4 && world.tries <= 8, `${world.tries} tries: again and again, but no storm`);
  assert.deepEqual(lines.slice(1), [
    "LOADER WARNING No guardian can be started (Too many open files (os error 24)): " +
    "if the loader is killed now, its services go on; trying again",
  ]);
  world.broken = null;
  await clock.advance(30_000);
  assert.deepEqual(started[1]!.told, ["+ 7 70", "+ 8 80"]);
  assert.equal(lines.at(-1), "LOADER INFO The guardian is there again (pid 102)");
});

Deno.test("R18: the first guardian may be the one that cannot be started; the end waits for none", async () => {
  const { clock, started, world, watch } = guarded();
  world.broken = "Resource temporarily unavailable (os error 11)";
  {
    await using over = watch();
    over.note(id(7));
    await clock.advance(100);
  }
  assert.deepEqual(started, []);
  assert.equal(clock.pending, 0, "no try is left behind");
});

Deno.test("R18: guardians that die at once are no storm of starts", async () => {
  const { clock, started, world, watch } = guarded();
  await using _over = watch();
  for (let turn = 0; turn < 60; turn++) {
    started.at(-1)!.die("exit code 127");
    await clock.advance(1000);
  }
  assert.ok(world.tries <= 8, `${world.tries} starts in a minute`);
});
