/** What the exit status tells the shell. Spec: §13. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("exit 2: usage and configuration", async () => {
  await using home = new TestHome();
  const unknownCommand = await runLoader(home, ["upp"]);
  assert.equal(unknownCommand.code, 2, unknownCommand.out + unknownCommand.err);
  const unknownFlag = await runLoader(home, ["up", "--fast"]);
  assert.equal(unknownFlag.code, 2);
  const missing = await runLoader(home, ["up", "--config", `${home.dir}/none.yaml`]);
  assert.equal(missing.code, 2);
  assert.match(missing.out + missing.err, /none\.yaml/);

  const path = home.write("broken.yaml", "loader:\n  startup_sequense: [kwd]\nservices: {}\n");
  for (const command of ["up", "check", "plan", "status"]) {
    const broken = await runLoader(home, [command, "--config", path]);
    assert.equal(broken.code, 2, `${command}: ${broken.out}${broken.err}`);
    assert.match(broken.out + broken.err, /broken\.yaml:2:3/);
    assert.match(broken.out + broken.err, /startup_sequence/);
  }
  assert.deepEqual([...Deno.readDirSync(home.state)], [], "nothing was begun");
});

Deno.test({
  name: "exit 2: a configuration on the RAM disk, which the program may not read",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using home = new TestHome();
    const path = Deno.makeTempFileSync({ dir: "/dev/shm", suffix: ".yaml" });
    try {
      const { code, out, err } = await runLoader(home, ["check", "--config", path]);
      assert.equal(code, 2);
      assert.match(out + err, /cannot read \/dev\/shm\/.*the program has no access to \/dev/);
    } finally {
      Deno.removeSync(path);
    }
  },
});

Deno.test("exit 0: help, version, check", async () => {
  await using home = new TestHome();
  assert.equal((await runLoader(home, ["--help"])).code, 0);
  const version = await runLoader(home, ["--version"]);
  assert.equal(version.code, 0);
  assert.match(version.out, /^alexa-loader \d+\.\d+\.\d+/);
  const check = ["check", "--config", `${root}config/loader.yaml`];
  const short = await runLoader(home, check), all = await runLoader(home, [...check, "--all"]);
  assert.equal(short.code, 0);
  assert.match(short.out, /\nconfiguration ok: .*, 4 services, \d warnings?$/, "P15: the verdict comes last");
  assert.equal(all.code, 0);
  assert.ok(all.out.startsWith("loader:\n") && all.out.endsWith(short.out), all.out);
  assert.equal((await runLoader(home, ["plan", "--demo"])).code, 0);
});

Deno.test("exit 3: the specification's own configuration where its services are not there", async () => {
  await using home = new TestHome();
  const up = await runLoader(home, ["up", "--config", `${root}config/loader.yaml`]);
  assert.equal(up.code, 3, up.out);
  const error = up.out.split("\n").filter((line) => / ERROR = /.test(line))[0]!;
  assert.match(error, /^LOADER {3}ERROR = .*(python|services\.kwd_service).*demo.*init/);
  await home.assertNothingLeft([]);
});

Deno.test({
  name: "exit 3: a port that a stranger holds, named with pid and command",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, ports, portList } = assistant(home);
    {
      using _stranger = Deno.listen({ port: ports.LLM, hostname: "127.0.0.1" });
      const up = await runLoader(home, ["up", "--config", config]);
      assert.equal(up.code, 3, up.out);
      assert.match(up.out, new RegExp(`ERROR = .*port ${ports.LLM}.*pid ${Deno.pid}`));
      assert.deepEqual(home.events("kwd"), [], "nothing was started");
    }
    await home.assertNothingLeft(portList);
  },
});

Deno.test({
  name: "exit 3: the same configuration runs already",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config } = assistant(home, { knobs: { tts: { speak_ms: 250 } } });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const second = await runLoader(home, ["up", "--config", config]);
    assert.equal(second.code, 3, second.out);
    assert.match(second.out, new RegExp(`running already: loader with pid ${loader.pid}`));
    assert.equal(
      (await runLoader(home, ["status", "--config", config])).code,
      0,
      "the first one is unharmed",
    );
    assert.equal(await loader.interrupt(), 0);
  },
});

Deno.test({
  name: "exit 4: nothing came up",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const crash = { crash_before_ready: true, load_ms: 0 };
    const { config, portList } = assistant(home, {
      knobs: { kwd: crash, stt: crash, llm: crash, tts: { load_ms: 30_000 } },
      loader: { restart_policy: { max_restarts: 0 }, timeouts: { tts_ready_sec: 0.5 } },
    });
    const up = await runLoader(home, ["up", "--config", config]);
    assert.equal(up.code, 4, up.out);
    assert.match(up.out, /TTS {6}ERROR = Not ready within 0\.5 s/);
    assert.match(up.out, /LOADER {3}ERROR = boot failed: nothing came up \(kwd failed/);
    assert.match(up.out, /wake word no, transcription no, answers no, speech no/);
    for (const name of ["KWD", "STT", "LLM"]) {
      assert.match(up.out, new RegExp(`${name} +ERROR = Exited with code 1`));
    }
    await home.assertNothingLeft(portList);
  },
});

Deno.test({
  name: "exit 4: fail_fast_on_repeated_failures ends the boot at the first service that is given up",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: { stt: { crash_before_ready: true } },
      loader: {
        fail_fast_on_repeated_failures: true,
        restart_policy: { max_restarts: 1, backoff: { initial_sec: 0.05 } },
      },
    });
    const up = await runLoader(home, ["up", "--config", config]);
    assert.equal(up.code, 4, up.out);
    assert.deepEqual(home.events("stt"), ["start", "crash", "start", "crash"]);
    assert.deepEqual(home.events("llm"), []);
    assert.deepEqual(home.events("kwd").slice(-2), ["term", "stopped"]);
    await home.assertNothingLeft(portList);
  },
});

Deno.test("exit 5: commands that need a running loader", async () => {
  await using home = new TestHome();
  for (const words of [["status"], ["restart", "kwd"], ["stop"]]) {
    const { code, out, err } = await runLoader(home, [...words, "--config", `${root}config/loader.yaml`]);
    assert.equal(code, 5, `${words}: ${out}${err}`);
  }
});
