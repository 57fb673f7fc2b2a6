/** Whatever happens and whenever it is asked to stop: nothing of it is left. Spec: §8; CONTRACT §7. */
import assert from "node:assert/strict";
import { kindOf } from "../../lib/sys/files/files.ts";
import { carriers, guardiansOf } from "../support/leftovers.ts";
import { kill, LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";
import { assistant, type AssistantOptions, type Knobs, type Role } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `stop ${name}`, ignore: withoutPython, fn });
}

/** Boots, does something, and looks that nothing is left; `act` answers the exit code. */
async function run(
  o: AssistantOptions,
  code: number,
  act: (loader: LoaderProcess, home: TestHome) => Promise<unknown>,
) {
  await using home = new TestHome();
  const { config, portList } = assistant(home, o);
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await act(loader, home);
  assert.equal(await loader.exit(), code, loader.log);
  await home.assertNothingLeft(portList, loader.pid);
  return loader;
}

/** As a terminal does through `deno task`: the same request twice within the same moment. */
async function ctrlC(loader: LoaderProcess): Promise<void> {
  loader.signal("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 8));
  loader.signal("SIGINT");
}

const slow: Knobs = { load_ms: 20_000 };
const only = (role: Role, knobs: Knobs): AssistantOptions => ({ knobs: { [role]: knobs } });
const grace = { graceful_shutdown: { per_service_grace_sec: 0.3, kill_after_sec: 5 } };

const stages: [string, AssistantOptions, RegExp][] = [
  ["before the first start", {}, /boot [0-9a-f]{4}, configuration/],
  ["kwd starts", only("kwd", slow), /^KWD.*Starting/],
  ["stt starts", only("stt", slow), /^STT.*Starting/],
  ["llm starts", only("llm", slow), /^LLM.*Starting/],
  ["tts starts", only("tts", slow), /^TTS.*Starting/],
  ["llm warms up", only("llm", { warmup: "hang" }), /^LLM.*Ready in/],
  ["the greeting is spoken", only("tts", { speak: "hang" }), /Speaking greeting/],
  [
    "the end of the greeting is awaited",
    only("tts", { speak: "callback", speak_ms: 20_000 }),
    /speaking 'Hi/,
  ],
  ["all runs", only("tts", { speak_ms: 250 }), /READY FOR WAKE WORD/],
];
for (const [when, options, line] of stages) {
  test(`Ctrl-C while ${when} leaves nothing`, async () => {
    const loader = await run(options, 0, async (loader) => {
      await loader.waitLine(line);
      await ctrlC(loader);
    });
    assert.equal(loader.lines.at(-1)?.text, "LOADER   INFO = Shutdown complete");
    assert.deepEqual(loader.lines.filter(({ level }) => level === "WARNING" || level === "ERROR"), []);
    const order = loader.lines.filter(({ message }) => /^Stopped in/.test(message)).map(({ tag }) => tag);
    assert.deepEqual(order, ["KWD", "TTS", "LLM", "STT"].filter((tag) => order.includes(tag)));
  });
}

const beginnings: [string, (loader: LoaderProcess, home: TestHome) => unknown][] = [
  ["as it is started", () => true],
  ["as soon as its folder is there", (_, home) => kindOf(`${home.state}/alexa-loader/t`)],
  [
    "as soon as its control socket is there",
    (_, home) => kindOf(`${home.runtime}/alexa-loader/t/control.sock`),
  ],
];
for (const [when, begun] of beginnings) {
  test(`Ctrl-C ${when} leaves nothing`, async () => {
    await using home = new TestHome();
    const { config, portList } = assistant(home);
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await until(when, () => begun(loader, home), () => loader.log);
    await ctrlC(loader);
    // Before the program listens to signals it dies of one, as every program does.
    const code = await loader.exitCode.catch((error) => /ended by SIGINT/.test(String(error)) ? 0 : 1);
    assert.equal(code, 0, loader.log);
    await home.assertNothingLeft(portList, loader.pid);
  });
}

test("Ctrl-C while a restart waits for its backoff leaves nothing", async () => {
  await run(
    {
      knobs: { stt: { crash_before_ready: true } },
      loader: { restart_policy: { backoff: { initial_sec: 25 } } },
    },
    0,
    async (loader, home) => {
      await loader.waitLine(/restart 1 of 3 in 25\.0s/);
      await ctrlC(loader);
      assert.equal(await loader.exit(), 0);
      assert.equal(home.events("stt").filter((event) => event === "start").length, 1);
    },
  );
});

test("SIGTERM stops in order and says so", async () => {
  const loader = await run(only("tts", { speak_ms: 250 }), 0, async (loader) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    loader.signal("SIGTERM");
  });
  assert.ok(loader.messages("LOADER").includes("Stopping (SIGTERM): kwd, tts, llm, stt"), loader.log);
  assert.ok(loader.messages("LOADER").some((message) => /^VRAM at the end/.test(message)));
});

test("a second signal after more than 1 s kills everything at once: exit 130", async () => {
  const options = {
    ...only("stt", { ignore_term: true }),
    loader: { graceful_shutdown: { per_service_grace_sec: 30, kill_after_sec: 60 } },
  };
  let hurriedAt = 0;
  const loader = await run(options, 130, async (loader, home) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    await ctrlC(loader);
    await home.stamp("stt", "term_ignored");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    hurriedAt = performance.now();
    loader.signal("SIGINT");
  });
  assert.ok(performance.now() - hurriedAt < 2000, "it took its time");
  assert.ok(
    loader.messages("LOADER", "WARNING").some((message) => /Second signal/.test(message)),
    loader.log,
  );
});

test("a service that ignores SIGTERM is killed after its grace", async () => {
  const loader = await run({ ...only("llm", { ignore_term: true }), loader: grace }, 0, async (loader) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    await ctrlC(loader);
  });
  assert.match(
    loader.messages("LLM", "WARNING").join("\n"),
    /^Stopped in .* \(SIGKILL after 0\.30s of grace\)$/,
  );
});

test("kill_after_sec bounds the whole shutdown", async () => {
  const deaf = { ignore_term: true };
  const options = {
    knobs: { kwd: deaf, stt: deaf, llm: deaf, tts: deaf },
    loader: { graceful_shutdown: { per_service_grace_sec: 5, kill_after_sec: 1 } },
  };
  let askedAt = 0;
  const loader = await run(options, 0, async (loader) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    askedAt = performance.now();
    await ctrlC(loader);
  });
  assert.ok(performance.now() - askedAt < 3000, loader.log);
  assert.ok(
    loader.messages("LOADER", "WARNING").some((message) => /longer than 1 s; killing/.test(message)),
    loader.log,
  );
});

for (const helper of [true, "stubborn"]) {
  test(`a helper that keeps the port (${helper === true ? "polite" : helper}) goes with its service`, async () => {
    await run({ ...only("kwd", { fork_helper_keeps_port: helper }), loader: grace }, 0, async (loader) => {
      await loader.waitLine(/READY FOR WAKE WORD/);
      await ctrlC(loader);
    });
  });
}

for (const daemon of [true, "port"]) {
  test(`a grandchild in a session of its own${daemon === true ? "" : " that holds the port"} goes too`, async () => {
    await run({ ...only("stt", { daemonize_grandchild: daemon }), loader: grace }, 0, async (loader) => {
      await loader.waitLine(/READY FOR WAKE WORD/);
      await ctrlC(loader);
    });
  });
}

test("a service that is stopped by SIGSTOP still stops", async () => {
  await run({ loader: grace }, 0, async (loader, home) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    kill((await home.stamp("llm", "start")).pid, "SIGSTOP");
    await ctrlC(loader);
  });
});

test("a service that left a grandchild and crashed has none when its restart begins", async () => {
  await run(only("stt", { daemonize_grandchild: "port" }), 0, async (loader, home) => {
    await loader.waitLine(/READY FOR WAKE WORD/);
    kill((await home.stamp("stt", "start")).pid, "SIGKILL");
    await home.stamp("stt", "warm", 2);
    await ctrlC(loader);
  });
});

test("a loader that is killed with SIGKILL takes everything along", async () => {
  await using home = new TestHome();
  const { config, portList } = assistant(home, { ...only("llm", { ignore_term: true }), loader: grace });
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/READY FOR WAKE WORD/);
  loader.signal("SIGKILL");
  await loader.exitCode.catch(() => {});
  await until("the guardian's work", () => carriers(home.mark).length === 0, () => "", 5000);
  await until("the guardian's end", () => guardiansOf(loader.pid).length === 0, () => "", 5000);
  // Sockets of a loader that was killed are removed by the next one.
  for (const entry of Deno.readDirSync(`${home.runtime}/alexa-loader/t`)) {
    Deno.removeSync(`${home.runtime}/alexa-loader/t/${entry.name}`);
  }
  await home.assertNothingLeft(portList, loader.pid);
});

test("R15: a SIGHUP that was ignored from the start (nohup) stays ignored", async () => {
  await using home = new TestHome();
  const { config, portList } = assistant(home, {});
  const wrapper = ["sh", "-c", `trap "" HUP; exec "$@"`, "sh"];
  await using loader = new LoaderProcess(home, ["up", "--config", config], { wrapper });
  await loader.waitLine(/READY FOR WAKE WORD/);
  loader.signal("SIGHUP");
  const status = await runLoader(home, ["status", "--config", config]);
  assert.equal(status.code, 0, status.out + status.err);
  assert.equal(await loader.interrupt(), 0);
  assert.deepEqual(loader.messages("LOADER").filter((line) => /^Stopping/.test(line)), [
    "Stopping (SIGINT): kwd, tts, llm, stt",
  ]);
  await home.assertNothingLeft(portList, loader.pid);
});
