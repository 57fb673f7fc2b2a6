/** `selftest` against a running loader: peers that are true to the protocols, and Debian's engines. Spec: §10, §13. */
import assert from "node:assert/strict";
import { writeAssistant } from "../../scripts/voice/assistant.ts";
import { setRoom } from "../../scripts/voice/room.ts";
import { hasDebianEngines, hasNeuralEngines } from "../support/engines.ts";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { type AssistantFault, startAssistantPeers } from "../support/peers/assistant_peers.ts";
import { withProcesses } from "../support/with_processes.ts";

/** Boots an assistant of peers, tests it, and answers what came of it. */
async function tested(fault: AssistantFault, args: string[] = []) {
  await using home = new TestHome();
  await using peers = await startAssistantPeers("none");
  const config = home.write("loader.yaml", JSON.stringify(peers.config));
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/SYSTEM_READY/);
  if (fault !== "none") peers.become(fault);
  const result = await runLoader(home, ["selftest", "--config", config, ...args]);
  const [name] = [...Deno.readDirSync(`${home.state}/alexa-loader`)].map((entry) => entry.name);
  const kept = Deno.readTextFileSync(`${home.state}/alexa-loader/${name}/selftests.jsonl`);
  assert.equal(await loader.interrupt(), 0, loader.log);
  return { ...result, kept: kept.trim().split("\n").map((line) => JSON.parse(line)) };
}

withProcesses.test("selftest proves that the running assistant hears, understands, thinks and speaks", async () => {
  const { code, out, kept } = await tested("none");
  assert.equal(code, 0, out);
  assert.match(
    out,
    /^TEST +SERVICE +TOOK[^]*alexa was heard[^]*4 of 4 words right[^]*First sound of an answer/,
  );
  assert.equal(kept.length, 1);
  assert.doesNotMatch(JSON.stringify(kept), /time is it/i, "words are on the disk");
});

withProcesses.test("selftest exits with 4 where something is wrong, and says what", async () => {
  const { code, out } = await tested("STT garbage", ["--json"]);
  assert.equal(code, 4, out);
  const { stages, usual } = JSON.parse(out);
  assert.equal(stages.find(({ stage }: { stage: string }) => stage === "stt").problem, "misunderstood");
  assert.deepEqual(usual.slow, []);
});

withProcesses.test("selftest is refused in a sentence where no loader runs, and exits with 7 where nothing can be tested", async () => {
  await using home = new TestHome();
  const service = { cmd: ["sleep", "60"], readiness: { type: "exec", cmd: ["true"] }, warmup: false };
  const config = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { startup_sequence: ["tts"], shutdown_sequence: ["tts"] },
      services: { tts: service },
    }),
  );
  const none = await runLoader(home, ["selftest", "--config", config]);
  assert.equal(none.code, 5);
  assert.match(none.err, /^error: no loader/);
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/SYSTEM_READY/);
  const { code, out } = await runLoader(home, ["selftest", "--config", config]);
  assert.match(out, /Not tested: tts: it is asked in no protocol that is known here/);
  assert.equal(code, 7);
  assert.equal(await loader.interrupt(), 0);
});

withProcesses.test("selftest: at_boot tests after the wake word is on; what is wrong is a WARNING", async () => {
  await using home = new TestHome();
  await using peers = await startAssistantPeers("none", {
    loader: { selftest: "at_boot", name: "t", post_boot_greeting: { enabled: false } },
  });
  const kwd = {
    cmd: ["sleep", "60"],
    readiness: { type: "exec", cmd: ["true"] },
    control: { kind: "command", resume: ["true"] },
    warmup: false,
  };
  const names = ["wake", "kwd", "stt", "llm", "tts"];
  const config = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { ...peers.config.loader as object, startup_sequence: names, shutdown_sequence: names },
      services: { ...peers.config.services as object, kwd },
    }),
  );
  {
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    const line = await loader.waitLine(
      /Self-test: .*alexa was heard, 4 of 4 words right.*; an answer begins after/,
    );
    const at = (pattern: RegExp) => loader.lines.findIndex(({ text }) => pattern.test(text));
    assert.ok(
      at(/READY FOR WAKE WORD/) >= 0 && at(/READY FOR WAKE WORD/) < loader.lines.indexOf(line),
      loader.log,
    );
    assert.equal(await loader.interrupt(), 0, loader.log);
    assert.deepEqual(loader.messages("LOADER", "WARNING").filter((text) => /Self-test/.test(text)), []);
  }
  peers.become("STT garbage");
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/LOADER +WARNING = Self-test: stt understood 0 of 4 words: .*Look at its model/);
  assert.equal(await loader.interrupt(), 0, loader.log);
  assert.equal(
    Deno.readTextFileSync(`${home.state}/alexa-loader/t/selftests.jsonl`).trim().split("\n").length,
    2,
  );
});

for (const [variant, isHere] of [["debian", hasDebianEngines], ["wyoming", hasNeuralEngines]] as const) {
  withProcesses.test({
    name:
      `selftest of the assistant "${variant}": all is right, and the satellite hears nothing of it, aloud too`,
    ignore: !isHere,
    async fn() {
      await using home = new TestHome();
      const { config, ports } = writeAssistant(variant, home.dir, { room: true });
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/READY FOR WAKE WORD/, 60_000);
      const { code, out } = await runLoader(home, ["selftest", "--config", config]);
      assert.equal(code, 0, out);
      assert.match(out, /alexa was heard[^]*[34] of 4 words right/);
      assert.doesNotMatch(loader.log, /Turn 1|not acted upon/);

      // Aloud: nobody answers to it, and the delay that was measured holds from the next start on.
      await setRoom(ports.room, "latency_ms", 400);
      const aloud = await runLoader(home, ["selftest", "--sound", "--json", "--config", config]);
      const { sound } = JSON.parse(aloud.out);
      assert.ok(sound.correlation > 0.9 && sound.latency_ms > 300 && sound.latency_ms < 450, aloud.out);
      assert.match(loader.log, /KWD +INFO = Muted[^]*KWD +INFO = Unmuted/);
      assert.doesNotMatch(loader.log, /Turn 1: wake word heard/);
      const plan = (await runLoader(home, ["plan", "--config", config])).out;
      assert.match(plan, new RegExp(`listening +${150 + sound.latency_ms} ms after it ends`));
      await setRoom(ports.room, "speaker", "muted");
      const muted = await runLoader(home, ["selftest", "--sound", "--config", config]);
      assert.equal(muted.code, 4, muted.out);
      assert.match(muted.out, /Failed: The microphone hears the room, and nothing of what is played/);
      assert.equal(await loader.interrupt(), 0, loader.log);
    },
  });
}
