/** `deno task cut-storm [--rounds N] [--cut-sec S]`: cuts the cable to an external LLM, and says how fast that is told and healed. */
import { parseArgs } from "node:util";
import { cutStorm } from "../tests/support/cut.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "50" }, "cut-sec": { type: "string", default: "10" } },
});
const rounds = Number(values.rounds), cutMs = 1000 * Number(values["cut-sec"]);
let count = 0;
const done = await cutStorm({
  rounds,
  cutMs,
  onRound: ({ degradedMs, backMs }) =>
    console.log(
      `${String(++count).padStart(4)}  DEGRADED after ${Math.round(degradedMs)} ms, back after ${
        Math.round(backMs)
      } ms`,
    ),
});
const worst = (key: "degradedMs" | "backMs") => Math.round(Math.max(...done.map((round) => round[key])));
console.log(
  `cut storm: ${done.length} of ${rounds} healed, DEGRADED after at most ${
    worst("degradedMs")
  } ms, back after at most ` +
    `${worst("backMs")} ms; no local service touched`,
);
