/** What `init --from NAME` writes boots with engines that others have started, and leaves those alone. */
import assert from "node:assert/strict";
import { assistantFiles, presetOf } from "../../lib/demo/mod.ts";
import { ownPorts, usualPorts } from "../../lib/demo/assistant/mod.ts";
import { LoaderProcess, lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { startOllamaPeer } from "../support/peers/ollama_peer.ts";
import { hasDebianEngines } from "../support/engines.ts";
import { withProcesses } from "../support/with_processes.ts";

const engines = new URL("../../lib/demo/assistant/debian_engines.py", import.meta.url).pathname;

/** A Debian engine that somebody else runs. */
async function startEngine(role: "wake" | "stt" | "llm" | "tts") {
  const port = lowPort();
  const child = new Deno.Command("/usr/bin/python3", {
    args: ["-B", engines, role],
    env: { ALEXA_BIND_PORT: String(port) },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if ((said += read.value).includes(`on 127.0.0.1:${port}`)) break;
  }
  let ended = false;
  child.status.then(() => ended = true);
  return {
    port,
    isAlive: () => !ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await reader.cancel();
      await child.status;
    },
  };
}

for (const preset of ["external", "ollama-wyoming", "llamacpp"] as const) {
  withProcesses.test({
    name: `the preset ${preset} boots, speaks, and leaves the engines of others alone`,
    ignore: !hasDebianEngines,
    async fn() {
      await using home = new TestHome();
      await using wake = await startEngine("wake");
      await using stt = await startEngine("stt");
      await using tts = await startEngine("tts");
      await using llm = await startEngine("llm");
      await using ollama = startOllamaPeer({ models: ["llama3.2:latest"] });
      const moved = new Map<number, number>([
        [usualPorts.wake, wake.port],
        [usualPorts.stt, stt.port],
        [usualPorts.tts, tts.port],
        [usualPorts.ollama, ollama.port],
        [usualPorts.openai, llm.port],
        ...Object.values(ownPorts).map((port): [number, number] => [port, lowPort()]),
      ]);
      for (const file of assistantFiles({ ...presetOf(preset, [], home.dir), room: true })) {
        Deno.mkdirSync(`${home.dir}/${file.path.split("/")[0]}`, { recursive: true });
        const text = file.text.replace(
          /\b(500[1-6]|10[234]00|11434|8080)\b/g,
          (port) => String(moved.get(Number(port))),
        );
        Deno.writeTextFileSync(`${home.dir}/${file.path}`, text, { mode: file.mode });
      }
      // The llama-server of the third: rules, which answer as it does.
      const bin = `${home.dir}/bin`;
      Deno.mkdirSync(bin);
      const script = `#!/bin/sh\nexec /usr/bin/python3 -B ${engines} llm\n`;
      Deno.writeTextFileSync(`${bin}/llama-server`, script, { mode: 0o755 });

      const config = `${home.dir}/config/loader.yaml`;
      const check = await runLoader(home, ["check", "--config", config]);
      assert.equal(check.code, 0, check.err);
      await using loader = new LoaderProcess(home, ["up", "--config", config], {
        env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
      });
      await loader.waitLine(/READY FOR WAKE WORD/);
      assert.match(loader.log, /TTS +INFO = Greeting finished in/);
      assert.ok(!/WARNING|ERROR/.test(loader.log), loader.log);
      assert.equal(await loader.interrupt(), 0, loader.log);
      for (const engine of [wake, stt, tts, llm]) assert.ok(engine.isAlive());
      if (preset === "ollama-wyoming") assert.equal(ollama.generated.length, 1, "warmed with one request");
      const own = Object.values(ownPorts).map((port) => moved.get(port)!);
      await home.assertNothingLeft(own, loader.pid);
    },
  });
}

Deno.test("init --from writes every assistant with what it needs, and --list names them", async () => {
  await using home = new TestHome();
  const list = await runLoader(home, ["init", "--list"]);
  assert.match(list.out, /^debian +pocketsphinx hears, rules answer/m);
  for (const [preset, files] of [["debian", 5], ["wyoming", 6], ["spec", 3]] as const) {
    const config = `${home.dir}/${preset}/config/loader.yaml`;
    const { code, out, err } = await runLoader(home, ["init", "--from", preset, "--config", config]);
    assert.equal(code, 0, err);
    // The room is written where there is no sound.
    const count = out.match(/^wrote/gm)?.length ?? 0;
    assert.ok(count === files || count === files - 1 && !/room\.py/.test(out), out);
    assert.equal(/set_up\.py` \(570 MB/.test(out), preset === "wyoming", out);
    const check = await runLoader(home, ["check", "--config", config]);
    assert.equal(check.code, 0, `${check.out}${check.err}`);
  }
});
