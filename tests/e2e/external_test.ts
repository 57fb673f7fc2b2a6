/** `manage: external`: what somebody else runs is watched, never started, stopped or given up. Spec: §6; CONTRACT §1. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, lowPort, runLoader, TestHome, until } from "../support/loader_process.ts";
import { startOllamaPeer } from "../support/peers/ollama_peer.ts";
import { assistant, fixtures, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** Somebody else's STT: not a child of the loader, and not in its boot. */
class Theirs implements AsyncDisposable {
  readonly port = lowPort();
  #home: TestHome;
  #child: Deno.ChildProcess | null = null;

  constructor(home: TestHome) {
    this.#home = home;
  }

  async start(): Promise<number> {
    this.#child = new Deno.Command("python3", {
      args: [`${fixtures}/stt.py`, `port=${this.port}`],
      env: { ...this.#home.environment(), ALEXA_SERVICE: "theirs" },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const { pid } = this.#child;
    await until(
      "their STT",
      () => this.#home.stampsOf("theirs").some((s) => s.pid === pid && s.event === "ready"),
    );
    return pid;
  }

  /** Rejects unless it lives. */
  assertAlive(pid: number): void {
    assert.doesNotThrow(() => Deno.kill(pid, "SIGCONT"), "it is not ours to end");
  }

  async stop(): Promise<void> {
    if (!this.#child) return;
    kill(this.#child.pid, "SIGKILL");
    await this.#child.status;
    this.#child = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function configured(home: TestHome, theirs: Theirs, loader: Record<string, unknown> = {}) {
  const made = assistant(home, {
    knobs: { tts: { speak_ms: 450 } },
    loader: { timeouts: { stt_ready_sec: 1 }, ...loader },
    services: {
      stt: {
        cmd: undefined,
        env: undefined,
        manage: "external",
        readiness: { type: "tcp", host: "127.0.0.1", port: theirs.port },
        health: { interval_sec: 0.1, timeout_ms: 500 },
      },
    },
  });
  return { ...made, ours: made.portList.filter((port) => port !== made.ports.STT) };
}

const warmed = (home: TestHome, pid: number) =>
  home.stampsOf("theirs").filter((stamp) => stamp.pid === pid && stamp.event === "warm").length;

Deno.test({
  name: "T16: an external service is warmed and watched, and lives on through boot, restart and stop",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    await using theirs = new Theirs(home);
    const { config, ours } = configured(home, theirs);
    const pid = await theirs.start();
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    assert.equal(warmed(home, pid), 1);
    assert.ok(loader.messages("STT").includes("Watching (external)"), loader.log);
    assert.deepEqual(home.events("stt"), [], "nothing of ours was started beside it");

    const restart = await runLoader(home, ["restart", "stt", "--config", config]);
    assert.equal(restart.code, 0, restart.out + restart.err);
    assert.equal(warmed(home, pid), 2, "it is warmed again, not started again");
    theirs.assertAlive(pid);

    assert.equal(await loader.interrupt(), 0, loader.log);
    theirs.assertAlive(pid);
    assert.deepEqual(home.events("stt"), []);
    assert.ok(!loader.messages("STT").some((message) => /pid|Stopped/.test(message)), loader.log);
    await theirs.stop();
    await home.assertNothingLeft(ours, loader.pid);
  },
});

Deno.test({
  name: "P5: an external service that was away for longer than any policy is warmed again when it is back",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    await using theirs = new Theirs(home);
    const { config, ours } = configured(home, theirs, {
      restart_policy: { max_restarts: 1, backoff: { initial_sec: 0.05, max_sec: 0.1 } },
    });
    await theirs.start();
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    await theirs.stop();
    const away = await loader.waitLine(/DEGRADED/);
    assert.match(
      away.message,
      /^DEGRADED: stt away since \d\d:\d\d:\d\d; wake word yes, transcription no, answers yes, speech yes$/,
    );
    await new Promise((resolve) => setTimeout(resolve, 3000)); // two ready timeouts and more: nothing is given up
    const status = JSON.parse((await runLoader(home, ["status", "--json", "--config", config])).out);
    assert.deepEqual([status.state, status.services[1].state], ["DEGRADED", "away"]);

    const pid = await theirs.start();
    await loader.waitLine(/SYSTEM_READY again: stt is back after/);
    assert.equal(warmed(home, pid), 1, "a fresh server is cold");
    assert.ok(!/restart \d of|given up/.test(loader.log), loader.log);
    assert.equal(loader.messages("STT", "WARNING").length, 1, loader.log);
    assert.equal(home.events("tts").filter((event) => event === "speak_begin").length, 1, "greeted once");
    assert.equal(await loader.interrupt(), 0, loader.log);
    await theirs.stop();
    await home.assertNothingLeft(ours, loader.pid);
  },
});

Deno.test({
  name: "P5: a boot goes on without an external service that is away, and is whole when that comes",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    await using theirs = new Theirs(home);
    const { config, ours } = configured(home, theirs);
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/DEGRADED: stt away since/);
    for (const role of roles) if (role !== "stt") await home.stamp(role, "warm");
    await loader.waitLine(/Wake-word detection enabled; READY FOR WAKE WORD/);
    await theirs.start();
    await loader.waitLine(/SYSTEM_READY: total_boot/);
    await home.stamp("tts", "speak_end");
    assert.equal(await loader.interrupt(), 0, loader.log);
    await theirs.stop();
    await home.assertNothingLeft(ours, loader.pid);
  },
});

Deno.test("P11: a model that an Ollama has unloaded is loaded again", async () => {
  await using home = new TestHome();
  await using ollama = startOllamaPeer({ models: ["llama3:latest"] });
  const config = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { startup_sequence: ["llm"], shutdown_sequence: ["llm"], health_check_interval_sec: 0.05 },
      services: {
        llm: {
          manage: "external",
          server: "ollama",
          model: "llama3",
          readiness: { type: "ollama", url: ollama.origin },
          warmup: { kind: "ollama", url: ollama.origin },
        },
      },
    }),
  );
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/SYSTEM_READY/);
  assert.equal(ollama.generated.length, 1);
  ollama.unload();
  await loader.waitLine(/LLM.*WARNING = Ollama has unloaded llama3; warming it again/);
  await loader.waitLine(/LLM.*Warmed again/);
  assert.equal(ollama.generated.length, 2);
  assert.equal(await loader.interrupt(), 0, loader.log);
  await home.assertNothingLeft([], loader.pid);
});
