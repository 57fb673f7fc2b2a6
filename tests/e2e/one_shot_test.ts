/** `probe`, `warm` and `greet`: a boot's questions as health checks and start scripts. Spec: §6, §9, §10. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";
import { assistant, fixtures, type Knobs, type Role } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** A service that somebody else supervises: not a child of any loader. */
async function theirs(home: TestHome, role: Role, knobs: Knobs): Promise<AsyncDisposable> {
  const args = Object.entries(knobs).map(([key, value]) => `${key}=${value}`);
  const child = new Deno.Command("python3", {
    args: [`${fixtures}/${role}.py`, ...args],
    env: { ...home.environment(), ALEXA_SERVICE: role },
    stdout: "null",
    stderr: "null",
  }).spawn();
  await home.stamp(role, "start");
  return {
    async [Symbol.asyncDispose]() {
      kill(child.pid, "SIGKILL");
      await child.status;
    },
  };
}

const count = (home: TestHome, role: Role, event: string) =>
  home.events(role).filter((other) => other === event).length;

Deno.test({
  name:
    "probe and warm: exit codes and limits of a service that is away, loads, is ready, and refuses to be warmed",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, ports } = assistant(home);
    const run = (...args: string[]) => runLoader(home, [...args, "--config", config]);

    const away = await run("probe", "tts");
    assert.deepEqual([away.code, away.out], [4, "tts is not ready: connection refused"]);
    const late = await run("probe", "tts", "--wait", "--timeout", "0.3");
    assert.deepEqual([late.code, late.out], [4, "tts is not ready: not within 0.3 s: connection refused"]);
    assert.equal((await run("warm", "tts")).code, 4, "what is not ready is not warmed");

    let status = 503, warmed = 0;
    await using _tts = Deno.serve(
      { hostname: "127.0.0.1", port: ports.TTS, onListen() {} },
      async (request) => {
        if (request.method === "GET") return new Response("", { status });
        warmed += (await request.json()).play === false ? 1 : 0;
        return Response.json({ finished: true });
      },
    );
    const loading = await run("probe", "tts", "--json");
    assert.equal(loading.code, 4);
    assert.deepEqual(JSON.parse(loading.out), {
      service: "tts",
      state: "not_ready",
      detail: "not ready: 503, loading",
    });
    const waiting = run("probe", "tts", "--wait");
    status = 200;
    const ready = await waiting;
    assert.deepEqual([ready.code, ready.out], [0, "tts is ready: 200"]);
    assert.equal((await run("probe", "tts", "--health")).code, 0);

    for (const words of [/^tts is warmed in /, /^tts is warmed before$/]) {
      const warm = await run("warm", "tts", "--once");
      assert.equal(warm.code, 0, warm.out);
      assert.match(warm.out, words);
    }
    assert.equal(warmed, 1, "once means once");
    assert.match((await run("warm", "tts")).out, /^tts is warmed in /);
    assert.equal(warmed, 2);

    await using _kwd = await theirs(home, "kwd", { port: ports.KWD, warmup: "500" });
    const refused = await run("warm", "kwd", "--wait");
    assert.deepEqual([refused.code, /^kwd is not warmed: .*500/.test(refused.out)], [4, true], refused.out);
    const unknown = await run("probe", "nobody");
    assert.deepEqual([unknown.code, /there is no service "nobody"/.test(unknown.err)], [2, true]);
    assert.equal((await run("probe", "tts", "--timeout", "soon")).code, 2);
  },
});

Deno.test({
  name: "greet --wait waits for all and greets once, however many ask, and leaves it to a loader that runs",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, ports } = assistant(home, { knobs: { tts: { speak_ms: 300 } } });
    const only = JSON.parse(Deno.readTextFileSync(config));
    only.loader.startup_sequence = only.loader.shutdown_sequence = ["kwd", "tts"];
    only.services = { kwd: only.services.kwd, tts: only.services.tts };
    home.write("loader.yaml", JSON.stringify(only));
    const greet = (...args: string[]) => runLoader(home, ["greet", ...args, "--config", config]);
    {
      await using _kwd = await theirs(home, "kwd", { port: ports.KWD });
      const early = await greet();
      assert.deepEqual([early.code, early.out], [4, "tts is not ready: connection refused"]);
      await using staying = new LoaderProcess(home, ["greet", "--wait", "--stay", "--config", config]);
      const other = greet("--wait");
      await using _tts = await theirs(home, "tts", { port: ports.TTS, speak_ms: 300, load_ms: 300 });
      assert.equal((await other).code, 0, (await other).out);
      assert.equal((await greet("--wait")).code, 0);
      await home.stamp("kwd", "resume");
      assert.equal(count(home, "tts", "speak_begin"), 1);
      assert.equal(count(home, "kwd", "resume"), 1, JSON.stringify(home.events("kwd")));
      const lines = staying.log + (await other).out;
      assert.match(lines, /READY FOR WAKE WORD/);
      assert.match(lines, /Not greeting: greeted before, as \S+ says/);
      assert.ok(!staying.ended, "the main container of a Pod stays");
      staying.signal("SIGTERM");
      assert.equal(await staying.exit(), 0, staying.log);
    }
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    assert.match((await greet("--wait")).out, /Not greeting: the running loader greets by itself/);
    assert.equal(count(home, "tts", "speak_begin"), 2, "that of the loader's own boot");
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft([ports.KWD, ports.TTS], loader.pid);
  },
});

Deno.test({
  name:
    "probe says honestly that a line of output is heard by the service's own loader only, and asks that one",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: { name: "t", startup_sequence: ["stt"], shutdown_sequence: ["stt"] },
        services: {
          stt: {
            cmd: ["python3", "-u", "-c", "import time; print('all set'); time.sleep(60)"],
            readiness: { type: "log", pattern: "all set" },
            warmup: false,
          },
        },
      }),
    );
    const probe = () => runLoader(home, ["probe", "stt", "--config", config]);
    const alone = await probe();
    assert.deepEqual([alone.code, alone.out], [
      7,
      "stt is not to be asked: only the loader that runs it hears that (log line matches /all set/), and none runs",
    ]);
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/SYSTEM_READY/);
    const heard = await probe();
    assert.deepEqual([heard.code, heard.out], [0, "stt is ready: the running loader says that it is up"]);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft([], loader.pid);
  },
});

Deno.test("a probe that is ended by a signal says so, and is no fault of the program", async () => {
  await using home = new TestHome();
  const { config } = assistant(home);
  await using probe = new LoaderProcess(home, ["probe", "tts", "--wait", "--config", config]);
  const catches = () =>
    BigInt(`0x${/^SigCgt:\s*(\S+)/m.exec(Deno.readTextFileSync(`/proc/${probe.pid}/status`))![1]}`);
  await until("its handler of SIGTERM", () => (catches() >> 14n & 1n) === 1n);
  probe.signal("SIGTERM");
  assert.equal(await probe.exit(), 4, probe.log);
  assert.match(probe.log, /not known: ended by SIGTERM/);
});
