/** Turns of talk: told by a service, kept without a word of them, shown, and a slow stage is told once. Spec: §13; docs/contract.md §2. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

const words = "openthepodbaydoors";

/** Tells 30 usual turns, then `slow` ones that wait 2 s for their text; words are in each, where they do not belong. */
const teller = (slow: number) => `
import json, os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
tell = lambda text: notify.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
def turn(text_ms):
    speech, rest = 1000, [100, 200, 900]
    marks, at = {}, 0
    for stage, ms in zip(["end_of_speech", "text", "first_token", "first_audio", "end"], [speech, text_ms] + rest):
        at += ms
        marks[stage] = at
    tell("X_ALEXA_TURN=" + json.dumps({"turn": 1, "outcome": "answered", "ms": marks, "text": "${words}", "${words}": 1}))
    time.sleep(0.05)
tell("X_ALEXA_TURN=${words}")
tell("READY=1")
for _ in range(30): turn(300)
for _ in range(${slow}): turn(2000)
tell("STATUS=all told")
print("all told", flush=True)
time.sleep(80)
`;

Deno.test({
  name: "turns are kept without a word of them, shown, and a stage over twice its p95 is told once",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const config = (slow: number) =>
      home.write(
        "loader.yaml",
        JSON.stringify({
          loader: { name: "t", startup_sequence: ["sat"], shutdown_sequence: ["sat"] },
          services: {
            sat: {
              cmd: ["python3", "-c", teller(slow).replaceAll("$", () => "$$")],
              readiness: { type: "notify" },
              warmup: { kind: "none" },
            },
          },
        }),
      );
    const up = ["up", "--config", config(12)];
    {
      await using loader = new LoaderProcess(home, up);
      await loader.waitLine(/^SAT .*all told/);
      assert.equal(await loader.interrupt(), 0, loader.log);
      const warnings = loader.messages("LOADER", "WARNING");
      assert.equal(warnings.length, 2, loader.log);
      assert.match(warnings[0]!, /^sat reports turns \(X_ALEXA_TURN=\) in a form that is not the contract's/);
      assert.match(
        warnings[1]!,
        /^Turns are slow since \d\d:\d\d:\d\d: transcription takes 2\.00s, over twice its p95 \(0\.30s\)/,
      );
    }
    const list = await runLoader(home, ["turns", "--json", "--config", config(12)]);
    const { turns, p50, slow } = JSON.parse(list.out);
    assert.equal(turns.length, 42);
    assert.equal(p50.first_audio, 200);
    assert.deepEqual(slow.map(({ stage }: { stage: string }) => stage), ["text"]);
    const table = await runLoader(home, ["turns", "--config", config(12)]);
    assert.match(table.out, /TRANSCRIPTION[^]*\nSlow: transcription takes 2\.00 s since/);
    const shown = await runLoader(home, ["turns", "show", "-42", "--config", config(12)]);
    assert.match(shown.out, /answered, told by sat[^]*transcription +300 ms +1\.30 s/);
    const none = await runLoader(home, ["turns", "show", "-43", "--config", config(12)]);
    assert.deepEqual([none.code, none.err.split("\n")[0]], [2, 'error: there is no turn "-43": 42 are kept']);

    await using again = new LoaderProcess(home, up); // the earlier boot has told it
    await again.waitLine(/^SAT .*all told/);
    assert.equal(await again.interrupt(), 0, again.log);
    assert.doesNotMatch(again.log, /Turns are slow/);

    const grep = await new Deno.Command("grep", { args: ["-rl", words, home.state, home.runtime] }).output();
    assert.equal(new TextDecoder().decode(grep.stdout), "", "the words are on the disk");
    assert.ok(!again.log.includes(words), again.log);
  },
});
