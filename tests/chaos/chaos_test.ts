import assert from "node:assert/strict";
import { python } from "./assistant.ts";
import { chaos, strangerOnPort } from "./driver.ts";
import { faults } from "./faults.ts";

const rounds = Number(Deno.env.get("CHAOS_ROUNDS") ?? 45);
const seed = Number(Deno.env.get("CHAOS_SEED") ?? 20_260);

Deno.test({
  name: `chaos: ${rounds} rounds of seed ${seed} break no invariant`,
  ignore: python === null,
  timeout: 60_000 + 10_000 * rounds,
  async fn() {
    const { outcomes, smallDisk } = await chaos({ rounds, seed });
    if (rounds < 45) return;
    const statesOf = (fault: string) =>
      new Set(outcomes.filter((one) => one.fault === fault).map(({ state }) => state));
    const kinds = faults.map(({ name }) => name).filter((name) => smallDisk || name !== "log disk full");
    assert.deepEqual(
      [...kinds, strangerOnPort].filter((name) => statesOf(name).size === 0),
      [],
      "never tried",
    );
    const oneState = kinds.filter((name) => statesOf(name).size < 2);
    assert.ok(oneState.length <= kinds.length / 4, `tried in one state only: ${oneState.join("; ")}`);
  },
});
