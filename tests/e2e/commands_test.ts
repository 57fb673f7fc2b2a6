/** Commands against a running loader. Spec: §12. */
import assert from "node:assert/strict";
import { carriers } from "../support/leftovers.ts";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

Deno.test({
  name: "status, restart and stop talk to the loader of their configuration",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList, ports } = assistant(home, { knobs: { tts: { speak_ms: 250 } } });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);

    const text = await runLoader(home, ["status", "--config", config]);
    assert.equal(text.code, 0);
    for (const word of ["SYSTEM_READY", ...roles]) assert.ok(text.out.includes(word), text.out);
    const status = JSON.parse((await runLoader(home, ["status", "--json", "--config", config])).out);
    assert.equal(status.pid, loader.pid);
    assert.equal(status.state, "SYSTEM_READY");
    assert.equal(status.listening, true);
    assert.equal(status.greeting, "spoken");
    assert.deepEqual(status.services.map((s: { port: number }) => s.port), [
      ports.KWD,
      ports.STT,
      ports.LLM,
      ports.TTS,
    ]);
    for (const service of status.services) assert.equal(service.pid, home.stampsOf(service.name)[0]!.pid);

    const unknown = await runLoader(home, ["restart", "nobody", "--config", config]);
    assert.equal(unknown.code, 2, unknown.out + unknown.err);
    assert.match(unknown.out + unknown.err, /"nobody".*\n.*kwd, stt, llm, tts/);

    const restarted = await runLoader(home, ["restart", "llm", "--json", "--config", config]);
    assert.equal(restarted.code, 0, restarted.out + restarted.err);
    assert.deepEqual(JSON.parse(restarted.out), { ok: true, state: "up", problem: null });
    assert.deepEqual(home.events("llm"), [
      "start",
      "bound",
      "ready",
      "warm",
      "term",
      "stopped",
      "start",
      "bound",
      "ready",
      "warm",
    ]);

    const stop = await runLoader(home, ["stop", "--config", config]);
    assert.equal(stop.code, 0, stop.out + stop.err);
    assert.equal(stop.out, "stopped");
    assert.equal(await loader.exit(), 0, loader.log);
    await home.assertNothingLeft(portList, loader.pid);
    assert.equal((await runLoader(home, ["status", "--config", config])).code, 5);
  },
});

Deno.test({
  name: "ten restarts at once end with one running copy",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, { knobs: { tts: { speak_ms: 250 }, stt: { term_ms: 50 } } });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const all = await Promise.all(
      Array.from({ length: 10 }, () => runLoader(home, ["restart", "stt", "--config", config])),
    );
    for (const { code, out, err } of all) assert.equal(code, 0, `${out}${err}\n${loader.log}`);
    const copies = carriers(home.mark).filter(({ command }) => command.includes("stt.py"));
    assert.equal(copies.length, 1);
    // Never two at once: each is started after the end of the one before.
    const events = home.stampsOf("stt").filter(({ event }) => event === "start" || event === "stopped");
    assert.deepEqual(
      events.map(({ event }) => event).slice(0, -1),
      Array.from({ length: events.length - 1 }, (_, i) => i % 2 ? "stopped" : "start"),
    );
    assert.equal(events.at(-1)?.event, "start");
    assert.equal(events.at(-1)?.pid, copies[0]!.pid);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test({
  name: "a standby service prepares early, and binds only after its turn has come",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const standby = { prepare: { standby: true } };
    const { config, portList } = assistant(home, {
      knobs: {
        kwd: { warmup_ms: 600 },
        stt: { load_ms: 100, warmup_ms: 600 },
        llm: { load_ms: 100, warmup_ms: 600 },
        tts: { load_ms: 100, speak_ms: 250 },
      },
      services: { stt: standby, llm: standby, tts: standby },
    });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    for (const [i, role] of roles.entries()) {
      if (i === 0) continue;
      const before = roles[i - 1];
      const at = (event: string, of = role) => home.stampsOf(of).find((stamp) => stamp.event === event)!.t;
      assert.deepEqual(home.events(role).slice(0, 5), ["start", "prepared", "released", "bound", "ready"]);
      assert.ok(at("released") > at("warm", before), `${role} was released before ${before} was warm`);
      assert.ok(at("bound") > at("warm", before), `${role} was bound before ${before} was warm`);
      // It ran before its turn came, however busy the machine was.
      const { pid } = home.stampsOf(role)[0]!;
      assert.ok(
        loader.messages(role.toUpperCase()).includes(`Starting (pid ${pid}), was standing by`),
        loader.log,
      );
    }
    const broken = loader.lines.filter(({ level, message }) =>
      level !== "INFO" && !/was not prepared before its turn/.test(message)
    );
    assert.deepEqual(broken.map(({ text }) => text), []);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test({
  name: "Ctrl-C while a standby service prepares leaves nothing",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: { kwd: { load_ms: 20_000 }, stt: { load_ms: 100 } },
      services: { stt: { prepare: { standby: true } } },
    });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await home.stamp("stt", "prepared");
    assert.equal(await loader.interrupt(), 0, loader.log);
    assert.ok(!home.events("stt").includes("bound"));
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test({
  name: "a standby service that binds before its turn is reported, and its turn comes all the same",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: {
        kwd: { warmup_ms: 800 },
        stt: { load_ms: 50, standby_bind_early: true },
        tts: { speak_ms: 250 },
      },
      services: { stt: { prepare: { standby: true } } },
    });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const at = (service: string, event: string) =>
      home.stampsOf(service).find((stamp) => stamp.event === event)!.t;
    assert.ok(at("stt", "bound") < at("kwd", "warm"), "the fixture did not bind early");
    assert.ok(at("stt", "warm") > at("stt", "released"));
    assert.ok(at("stt", "released") > at("kwd", "warm"), "it was taken for ready before its turn");
    const warnings = loader.messages("STT", "WARNING");
    assert.equal(warnings.length, 1, loader.log);
    assert.match(warnings[0]!, /before its turn/);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});
