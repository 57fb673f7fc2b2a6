/**
 * `deno task chaos [--rounds N] [--seed S] [--json FILE] [--quiet]`: torments the real program for N rounds. Without a
 * seed a fresh one is drawn; `--seed today` is the day's (UTC), 20261231. It is printed, and the same seed draws the same
 * again. `deno task kill-storm`: `kill -9` only. FILE gets the results, for scripts/fault_matrix.ts. ALEXA_LOADER_BIN
 * names a built program to torment instead of the source.
 */
import { parseArgs } from "node:util";
import { chaos, ChaosError, type ChaosReport } from "../tests/chaos/driver.ts";
import { madeFrom } from "./fault_matrix.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "50" },
    seed: { type: "string" },
    kills: { type: "boolean", default: false },
    json: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const seed = seedOf(values.seed);
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: chaos [--rounds N] [--seed S | --seed today] [--kills] [--json FILE] [--quiet]");
  Deno.exit(2);
}
const name = values.kills ? "kill storm" : "chaos";
console.log(`${name}: ${rounds} rounds, seed ${seed}`);
try {
  const report = await chaos({
    rounds,
    seed,
    kills: values.kills,
    onRound: (round, text) => {
      if (!values.quiet) console.log(`${String(round).padStart(4)}  ${text || "(nothing could be done)"}`);
    },
  });
  write(report);
  console.log(
    `${name}: ${rounds} rounds, ${report.outcomes.length} faults, ${report.loaders} loaders in ` +
      `${(report.ms / 1000).toFixed(0)} s, seed ${seed}: no invariant broken` +
      (report.smallDisk ? "" : " (no small disk could be mounted: a full log disk was not tried)"),
  );
} catch (error) {
  if (!(error instanceof ChaosError)) throw error;
  write(error.report);
  console.error(error.message);
  Deno.exit(1);
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return crypto.getRandomValues(new Uint32Array(1))[0]!;
  return Number(text === "today" ? new Date().toISOString().slice(0, 10).replaceAll("-", "") : text);
}

function write(report: ChaosReport): void {
  if (values.json) Deno.writeTextFileSync(values.json, JSON.stringify({ ...report, ...madeFrom() }) + "\n");
}
