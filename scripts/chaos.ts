/**
 * `deno task chaos --rounds N --seed S [--json FILE] [--quiet]`: torments the real program for N rounds. Without a seed
 * a fresh one is drawn; it is printed, and the same seed does the same again. FILE gets the results, for
 * scripts/fault_matrix.ts. ALEXA_LOADER_BIN names a built program to torment instead of the source.
 */
import { parseArgs } from "node:util";
import { chaos, ChaosError } from "../tests/chaos/driver.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "50" },
    seed: { type: "string" },
    json: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(values.seed);
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: chaos [--rounds N] [--seed S] [--json FILE] [--quiet]");
  Deno.exit(2);
}
console.log(`chaos: ${rounds} rounds, seed ${seed}`);
try {
  const report = await chaos({
    rounds,
    seed,
    onRound: (round, text) => {
      if (!values.quiet) console.log(`${String(round).padStart(4)}  ${text || "(nothing could be done)"}`);
    },
  });
  if (values.json) Deno.writeTextFileSync(values.json, JSON.stringify(report) + "\n");
  console.log(
    `chaos: ${rounds} rounds, ${report.outcomes.length} faults, ${report.loaders} loaders in ` +
      `${(report.ms / 1000).toFixed(0)} s, seed ${seed}: no invariant broken` +
      (report.smallDisk ? "" : " (no small disk could be mounted: a full log disk was not tried)"),
  );
} catch (error) {
  if (!(error instanceof ChaosError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
