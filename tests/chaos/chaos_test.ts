import assert from "node:assert/strict";
import { python } from "./assistant.ts";
import { chaos } from "./driver.ts";

const rounds = Number(Deno.env.get("CHAOS_ROUNDS") ?? 25);
const seed = Number(Deno.env.get("CHAOS_SEED") ?? 20_260);

Deno.test({
  name: `chaos: ${rounds} rounds of seed ${seed} break no invariant`,
  ignore: python === null,
  async fn() {
    const report = await chaos({ rounds, seed });
    assert.ok(report.outcomes.length >= rounds / 2, "most rounds did something");
  },
});
