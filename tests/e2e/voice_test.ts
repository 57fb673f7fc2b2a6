/** The reference assistants in a room: they greet, do not hear themselves, hear a question, and answer aloud. */
import assert from "node:assert/strict";
import { isSetUp, type Variant } from "../../scripts/voice/assistant.ts";
import { runOnce } from "../../scripts/voice/run.ts";
import { withProcesses } from "../support/with_processes.ts";

const has = (program: string, ...args: string[]) => {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};
const variants: Record<Variant, { isHere: boolean; how: string }> = {
  debian: {
    isHere: has("/usr/bin/python3", "-c", "import pocketsphinx.pocketsphinx") && has("flite", "-lv"),
    how: "apt install pocketsphinx pocketsphinx-en-us python3-pocketsphinx flite",
  },
  wyoming: { isHere: isSetUp(), how: "python3 lib/demo/assistant/set_up.py (570 MB)" },
};

for (const [variant, { isHere, how }] of Object.entries(variants) as [Variant, typeof variants.debian][]) {
  if (!isHere) console.log(`The engines of ${variant} are not here: that assistant is not spoken to. ${how}`);
  for (const pausing of [true, false]) {
    withProcesses.test({
      name: pausing
        ? `${variant}: it does not answer to its own greeting, and answers a question aloud`
        : `${variant}, the control: without pausing it answers to its own greeting`,
      ignore: !isHere,
      async fn() {
        const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "vt" });
        try {
          const outcome = await runOnce({ variant, folder, run: 0, pausing });
          assert.deepEqual(outcome.wrong, pausing ? [] : ["1 self-triggers"], outcome.log);
          if (!pausing) return;
          const stages = ["end_of_speech", "text", "first_token", "first_audio", "end"] as const;
          const at = stages.map((stage) => outcome.ms[stage]!);
          assert.deepEqual(at, at.toSorted((a, b) => a - b), "each stage is after the one before");
        } finally {
          Deno.removeSync(folder, { recursive: true });
        }
      },
    });
  }
}
