/**
 * The loader is killed with SIGKILL in each stage of a boot and while it runs: within 1 s and the grace period nothing of
 * it lives. And whose processes the next `up` stops: what is proved to be ours, never a stranger. Spec: §4, §6; CONTRACT §8.
 */
import assert from "node:assert/strict";
import { drawPorts, graceMs, python, usual, writeConfig } from "../chaos/assistant.ts";
import { allGone, guardiansOf, pause, serviceProcesses } from "../chaos/look.ts";
import { kill, LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";
import { carriers } from "../support/leftovers.ts";
import { portHolder } from "../support/strangers.ts";

/** `ALEXA_REPEAT=50`: so many times each stage. */
const repeat = Number(Deno.env.get("ALEXA_REPEAT") ?? 1);
const ignore = python === null;

/** What the log says at the beginning of each stage, and a fault that makes the stage harder to clear up. */
const stages: { name: string; at: RegExp; then?: (port: number) => Promise<unknown>; stop?: boolean }[] = [
  { name: "precheck", at: /^LOADER +INFO = alexa-loader/ },
  { name: "kwd starting", at: /^KWD +INFO = Starting/ },
  { name: "kwd ready", at: /^KWD +INFO = Ready/ },
  { name: "stt starting", at: /^STT +INFO = Starting/ },
  { name: "llm starting", at: /^LLM +INFO = Starting/ },
  { name: "tts starting", at: /^TTS +INFO = Starting/ },
  { name: "greeting", at: /^TTS +INFO = Speaking/ },
  { name: "running", at: /READY FOR WAKE WORD/ },
  {
    name: "running, with grandchildren and a deaf service",
    at: /READY FOR WAKE WORD/,
    then: async (port) => {
      for (const what of ["grandchild", "helper", "deaf"]) await ask(port, { do: what });
    },
  },
  { name: "stopping", at: /^LOADER +INFO = Stopping/, stop: true },
];

for (const stage of stages) {
  Deno.test({
    name: `kill -9 of the loader (${stage.name}) leaves no process and no port within 1 s and the grace`,
    ignore,
    async fn() {
      for (let i = 0; i < repeat; i++) await killIn(stage, i);
    },
  });
}

async function killIn(stage: typeof stages[number], turn: number): Promise<void> {
  await using home = new TestHome();
  const ports = drawPorts();
  const settings = { ...usual, loadMs: { kwd: 20, stt: 20, llm: 20, tts: 20 } };
  const config = writeConfig(home, ports, settings);
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  if (stage.stop) {
    await loader.waitLine(/READY FOR WAKE WORD/);
    await ask(ports.kwd, { do: "deaf" }); // so that there is something to stop for a while
    loader.signal("SIGINT");
  }
  await loader.waitLine(stage.at);
  await stage.then?.(ports.stt);
  await pause(turn * 7 % 40); // another moment of the stage each time
  loader.signal("SIGKILL");
  await allGone(home.mark, Object.values(ports), 1000 + graceMs);
  await until("the guardian's own end", () => guardiansOf(loader.pid).length === 0, undefined, 3000);
  assert.equal(serviceProcesses(home.mark).length, 0, "nothing came after the guardian");
}

Deno.test({
  name: "up refuses a port of a stranger with exit 3, names pid, command and port, and leaves it alone",
  ignore,
  async fn() {
    await using home = new TestHome();
    await using stranger = await portHolder();
    const ports = { ...drawPorts(), llm: stranger.port };
    await using loader = new LoaderProcess(home, ["up", "--config", writeConfig(home, ports, usual)]);
    assert.equal(await loader.exit(), 3, loader.log);
    const said = loader.messages("LOADER", "ERROR").join("\n");
    for (const part of [`${stranger.port} (llm)`, `pid ${stranger.pid}`, stranger.argv[0]]) {
      assert.ok(said.includes(part!), `${part} is not in: ${said}`);
    }
    assert.ok(stranger.alive);
    assert.deepEqual(serviceProcesses(home.mark), [], "nothing was started");
  },
});

Deno.test({
  name: "up stops what a killed loader and its killed guardian have left, and boots",
  ignore,
  async fn() {
    await using home = new TestHome();
    const ports = drawPorts();
    const config = writeConfig(home, ports, usual);
    await using first = new LoaderProcess(home, ["up", "--config", config]);
    await first.waitLine(/READY FOR WAKE WORD/);
    await ask(ports.tts, { do: "grandchild" });
    const guardian = guardiansOf(first.pid)[0]!;
    kill(first.pid, "SIGSTOP"); // so that it cannot start another guardian
    kill(guardian, "SIGKILL");
    kill(first.pid, "SIGKILL");
    await first.exitCode.catch(() => {});
    const left = serviceProcesses(home.mark);
    assert.equal(left.length, 5, "the services and a grandchild outlive them");

    await using second = new LoaderProcess(home, ["up", "--config", config]);
    await second.waitLine(/READY FOR WAKE WORD/);
    const now = serviceProcesses(home.mark);
    assert.equal(now.length, 4, JSON.stringify(now));
    assert.ok(now.every((p) => !left.some((old) => old.pid === p.pid && old.startTime === p.startTime)));
    const warned = second.messages("LOADER", "WARNING").filter((m) => m.startsWith("Stopping leftover"));
    assert.equal(warned.length, 4, "each is told, by service");
    assert.equal(await second.interrupt(), 0);
    await home.assertNothingLeft(Object.values(ports), second.pid);
  },
});

Deno.test({
  name: "D04, D05: a guardian that was killed is replaced by one that knows all groups",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using home = new TestHome();
    // Nothing of the second one carries the boot's id: only who was told its group can end it.
    const script = `echo up; exec env -i PATH="$PATH" TEST_RUN_MARK="$TEST_RUN_MARK" "$@"`;
    const service = (...words: string[]) => ({
      cmd: ["sh", "-c", ...words],
      readiness: { type: "log", pattern: "^up$" },
      warmup: { kind: "none" },
    });
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: { name: "t", startup_sequence: ["plain", "clean"], shutdown_sequence: ["plain", "clean"] },
        services: {
          plain: service("echo up; exec sleep 60"),
          clean: service(script, "sh", "sleep", "60"),
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/SYSTEM_READY: /);
    const first = guardiansOf(loader.pid)[0]!;
    kill(first, "SIGKILL");
    await loader.waitLine(/The guardian ended \(SIGKILL\); starting another/);
    const second = await until(
      "another guardian",
      () => guardiansOf(loader.pid).find((pid) => pid !== first),
    );
    // It is told all as it is started: who has an answer of the loader after that knows that it was.
    assert.equal((await runLoader(home, ["status", "--config", config])).code, 0);
    assert.deepEqual(
      carriers(home.mark).filter(({ pid }) => pid !== loader.pid).map(({ command }) => command),
      [
        "sleep 60",
        "sleep 60",
      ],
    );
    loader.signal("SIGKILL");
    await loader.exitCode.catch(() => {});
    await until("the guardian's work", () => carriers(home.mark).length === 0);
    await until("the guardian's own end", () => !guardiansOf(loader.pid).includes(second));
  },
});

async function ask(port: number, body: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/chaos`, {
    method: "POST",
    headers: { connection: "close" },
    body: JSON.stringify(body),
  });
  await answer.body?.cancel();
  assert.ok(answer.ok);
}
