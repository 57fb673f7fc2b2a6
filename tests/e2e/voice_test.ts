/** The reference assistant of Debian's engines, in a room: greets, does not hear itself, hears a question, answers aloud. */
import assert from "node:assert/strict";
import { runOnce } from "../../scripts/voice/run.ts";
import { withProcesses } from "../support/with_processes.ts";

const has = (program: string, ...args: string[]) => {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};
const hasEngines = has("/usr/bin/python3", "-c", "import pocketsphinx.pocketsphinx") &&
  has("flite", "-lv");
if (!hasEngines) {
  console.log(
    "No pocketsphinx or flite: the Debian assistant is not spoken to. " +
      "apt install pocketsphinx pocketsphinx-en-us python3-pocketsphinx flite",
  );
}

for (const pausing of [true, false]) {
  withProcesses.test({
    name: pausing
      ? "the Debian assistant does not answer to its own greeting, and answers a question aloud"
      : "the control: without pausing it answers to its own greeting",
    ignore: !hasEngines,
    async fn() {
      const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "vt" });
      try {
        const outcome = await runOnce({ variant: "debian", folder, run: 0, pausing });
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
