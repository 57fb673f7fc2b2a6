/** The reference assistants in a room: they greet, do not hear themselves, hear a question, and answer aloud. */
import assert from "node:assert/strict";
import type { Variant } from "../../scripts/voice/assistant.ts";
import { runOnce } from "../../scripts/voice/run.ts";
import { hasDebianEngines, hasNeuralEngines } from "../support/engines.ts";
import { withProcesses } from "../support/with_processes.ts";

const variants = { debian: hasDebianEngines, wyoming: hasNeuralEngines };

for (const [variant, isHere] of Object.entries(variants) as [Variant, boolean][]) {
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

withProcesses.test({
  name: "debian: a satellite that was killed hears the next question",
  ignore: !hasDebianEngines,
  async fn() {
    const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "vt" });
    try {
      const outcome = await runOnce({ variant: "debian", folder, run: 1, pausing: true, killed: "kwd" });
      assert.deepEqual(outcome.wrong, [], outcome.log);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
