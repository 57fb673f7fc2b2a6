import assert from "node:assert/strict";
import { faults } from "../chaos/faults.ts";
import { Prng } from "../chaos/prng.ts";
import { killStorm, type Round, schedule } from "../chaos/schedule.ts";

function take(rounds: Generator<Round>, n: number): Round[] {
  return Array.from({ length: n }, () => rounds.next().value as Round);
}

Deno.test("schedule() plans every kind of fault in two states in 45 rounds, whatever the seed, and in all in 90", () => {
  for (let seed = 0; seed < 200; seed++) {
    const rounds = take(schedule(new Prng(seed), faults), 90);
    const statesOf = (name: string, n: number) =>
      new Set(rounds.slice(0, n).filter((r) => r.faults.some((f) => f.name === name)).map((r) => r.state))
        .size;
    for (const { name } of faults) {
      assert.ok(statesOf(name, 45) >= 2, `seed ${seed}: ${name} in ${statesOf(name, 45)} states`);
      assert.equal(statesOf(name, 90), 4, `seed ${seed}: ${name}`);
    }
    assert.ok(
      rounds.every(({ faults, state }) =>
        faults.length <= 4 && (faults.length > 0 || state === "not running")
      ),
    );
  }
});

Deno.test("schedule() draws the same again for the same seed", () => {
  const told = (seed: number) =>
    take(schedule(new Prng(seed), faults), 100).map((
      { state, faults },
    ) => [state, faults.map((f) => f.name)]);
  assert.deepEqual(told(7), told(7));
  assert.notDeepEqual(told(7), told(8));
});

Deno.test("killStorm() kills loader and guardian at once in a third of its rounds", () => {
  const rounds = take(killStorm(new Prng(1), faults), 3000);
  const both = rounds.filter(({ faults }) => faults[0]!.name === "SIGKILL to loader and guardian").length;
  assert.ok(both > 900 && both < 1100, `${both} of 3000`);
  assert.deepEqual([...new Set(rounds.map(({ faults }) => faults.length))], [1]);
});
