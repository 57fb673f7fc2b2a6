/**
 * `deno task voice-check [--debian] [--runs N] [--controls N] [--killed SERVICE] [--json]`: is the reference assistant really an assistant?
 * Each run boots it anew in a room without a sound card, with a greeting that contains the wake word: nobody may answer
 * to that. As soon as the wake word is on, "Alexa" and a question are spoken into the room: heard once, transcribed with
 * at most one wrong word, and an answer is spoken. The control boots without pausing: there it must hear itself.
 * `--killed kwd`: that service is killed before the question, which comes when the loader says that it is back.
 */
import { parseArgs } from "node:util";
import { setUp, type Variant, voiceHome } from "./voice/assistant.ts";
import { type Outcome, runOnce } from "./voice/run.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    debian: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
    controls: { type: "string", default: "1" },
    killed: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const variant: Variant = values.debian ? "debian" : "wyoming";
const code = await setUp(variant, values.json ? "null" : "inherit");
if (code !== 0) Deno.exit(code);
const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "vc" });
const outcomes: Outcome[] = [], controls: Outcome[] = [];
const say = (text: string) => values.json || console.log(text);
try {
  for (let run = 0; run < Number(values.runs); run++) {
    const outcome = await runOnce({ variant, folder, run, pausing: true, killed: values.killed });
    outcomes.push(outcome);
    if (outcome.wrong.length > 0) console.error(outcome.log.split("\n").slice(-80).join("\n"));
    say(`run ${run + 1}: ${outcome.wrong.length === 0 ? "ok" : outcome.wrong.join("; ")} | ${told(outcome)}`);
  }
  for (let run = 0; run < Number(values.controls); run++) {
    const outcome = await runOnce({ variant, folder, run, pausing: false });
    controls.push(outcome);
    say(`control ${run + 1}, without pausing: ${outcome.selfTriggers} self-triggers`);
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
const good = outcomes.filter(({ wrong }) => wrong.length === 0).length;
const selfTriggers = outcomes.reduce((sum, { selfTriggers }) => sum + selfTriggers, 0);
const heardItself = controls.filter(({ selfTriggers }) => selfTriggers > 0).length;
if (values.json) {
  console.log(
    JSON.stringify({ variant, outcomes, controls }, (key, value) => key === "log" ? undefined : value),
  );
} else {
  console.log(
    `\n${variant}: ${good} of ${outcomes.length} right, ${selfTriggers} self-triggers with pausing;`,
  );
  console.log(`without pausing it heard itself in ${heardItself} of ${controls.length}`);
  for (const [stage, ms] of figures(outcomes)) {
    ms.sort((a, b) => a - b);
    const at = (share: number) => `${Math.round(ms[Math.ceil(share * ms.length) - 1]!)} ms`.padStart(9);
    console.log(`  ${stage.padEnd(38)} median ${at(0.5)}   p95 ${at(0.95)}   (${ms.length})`);
  }
  console.log(`  (the environment: ${voiceHome})`);
}
const isRight = good === outcomes.length && selfTriggers === 0 && heardItself === controls.length;
Deno.exit(isRight ? 0 : 1);

function told({ asked, heard, ms }: Outcome): string {
  const stages = Object.entries(ms).map(([stage, at]) => `${stage} ${at} ms`).join(", ");
  return `${JSON.stringify(asked)} -> ${JSON.stringify(heard)} | ${stages}`;
}

/** How long each part took, from the one before. */
function figures(outcomes: Outcome[]): Map<string, number[]> {
  const stages = new Map<string, number[]>();
  const add = (stage: string, ms: number | undefined) => {
    if (ms === undefined || Number.isNaN(ms)) return;
    stages.set(stage, [...stages.get(stage) ?? [], ms]);
  };
  for (const { bootMs, greetingMs, enabledToAnswerMs, ms } of outcomes) {
    add("start to SYSTEM_READY", bootMs);
    add("greeting", greetingMs);
    add("wake word to end of speech", ms.end_of_speech);
    add("end of speech to text", ms.text! - ms.end_of_speech!);
    add("text to first token", ms.first_token! - ms.text!);
    add("first token to first audio", ms.first_audio! - ms.first_token!);
    add("end of speech to first audio", ms.first_audio! - ms.end_of_speech!);
    add("first audio to end", ms.end! - ms.first_audio!);
    add("wake word on to first audio", enabledToAnswerMs);
  }
  return stages;
}
