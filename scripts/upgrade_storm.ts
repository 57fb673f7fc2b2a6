/**
 * `deno task upgrade-storm [--rounds N] [--rate MB]`: the running loader executes itself in place N times, while services
 * flood their output and die at random. What must hold: no service restarted by it, no line lost or doubled, every true
 * exit code told, one pid. Prints how long nobody watched. ALEXA_LOADER_BIN names a built program instead of the source.
 */
import { parseArgs } from "node:util";
import { python } from "../tests/chaos/assistant.ts";
import { stormConfig, upgradeStorm } from "../tests/chaos/upgrades.ts";
import { TestHome } from "../tests/support/loader_process.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "100" }, rate: { type: "string", default: "20" } },
});
const [rounds, rateMb] = [Number(values.rounds), Number(values.rate)];
if (!Number.isSafeInteger(rounds) || rounds < 1 || !(rateMb > 0) || python === null) {
  console.error("usage: upgrade-storm [--rounds N] [--rate MB]; needs python3");
  Deno.exit(2);
}
await using home = new TestHome();
const report = await upgradeStorm(home, stormConfig(home, python, rateMb), {
  rounds,
  upgrade: ["reload", "--exec"],
  onRound: (round, gap) => console.log(`${String(round).padStart(4)}  ${gap} ms`),
});
const gaps = report.gapsMs.toSorted((a, b) => a - b);
console.log(
  `upgrade storm: ${rounds} times in place; unsupervised: median ${gaps[gaps.length >> 1]} ms, max ${
    gaps.at(-1)
  } ms; ` +
    `${report.lines} lines, none lost or doubled; ${report.deaths} deaths, each with its true code; ` +
    `${report.answered} questions answered, ${report.broken} broken off`,
);
