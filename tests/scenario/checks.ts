/** What some scenarios ask of the running assistant, at the moment when the wake word is enabled. */
import assert from "node:assert/strict";
import type { LoaderProcess, TestHome } from "../support/loader_process.ts";
import type { Ports } from "../support/scenario.ts";
import { ask, askWyoming, silence } from "../unit/demo/children.ts";

export interface Moment {
  home: TestHome;
  ports: Ports;
  loader: LoaderProcess;
}

export const checks: Record<string, (moment: Moment) => Promise<void>> = {
  async wake_word_right_after({ ports }) {
    assert.deepEqual((await ask(ports.KWD, "GET /control/state")).json, { paused: false, reasons: [] });
    const begin = performance.now();
    const answer = await askWyoming(ports.STT, silence);
    assert.equal(answer?.type, "transcript");
    assert.ok(performance.now() - begin < 1000, "the transcription does not start at once");
  },
  async tts_dies_mid_speech({ loader, home }) {
    await home.stamp("tts", "warm", 2); // the policy brings it back; it does not greet again
    await loader.waitLine(/SYSTEM_READY again/);
  },
};
