/** A person stops, starts and mutes: nothing of it is a failure, and none of it is undone behind their back. Spec: §12. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";
import type { LoaderStatus } from "../../lib/model/status.ts";

/** An assistant that listens, and what asks its loader. */
async function listening(home: TestHome) {
  const { config, portList } = assistant(home, { knobs: { tts: { speak_ms: 250 } } });
  const loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/READY FOR WAKE WORD/);
  const ask = async (...words: string[]) => await runLoader(home, [...words, "--json", "--config", config]);
  const status = async (): Promise<LoaderStatus> => JSON.parse((await ask("status")).out);
  return { ask, status, loader, portList };
}

Deno.test({
  name: "a service that a person stops is not missed, and comes back when it is started",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { ask, status, loader: running, portList } = await listening(home);
    await using loader = running;

    assert.deepEqual(JSON.parse((await ask("stop", "llm")).out), { ok: true, state: "idle", problem: null });
    const off = await status();
    const llm = off.services.find(({ name }) => name === "llm")!;
    assert.deepEqual([llm.state, llm.desired, llm.pid], ["idle", "stopped", null]);
    assert.deepEqual([off.state, off.degraded, off.capabilities.answers], ["SYSTEM_READY", null, false]);
    assert.deepEqual(off.talk, {
      works: "partly",
      text: "You are heard, but llm is stopped (alexa-loader start llm)",
    });
    assert.ok(!loader.log.includes("SYSTEM_READY again"), "nothing was lost, so nothing is back");
    // Another one is lost and comes back: the stopped one stays stopped.
    const stt = off.services.find(({ name }) => name === "stt")!;
    Deno.kill(stt.pid!, "SIGKILL");
    await loader.waitLine(/SYSTEM_READY again: stt is back/);
    assert.equal((await status()).state, "SYSTEM_READY");
    assert.equal(home.events("llm").filter((event) => event === "start").length, 1);

    assert.deepEqual(JSON.parse((await ask("start", "llm")).out), { ok: true, state: "up", problem: null });
    await loader.waitLine(/SYSTEM_READY again: llm is back/);
    assert.equal((await status()).talk.works, "yes");
    assert.ok(!loader.log.includes("DEGRADED: llm"), loader.log);
    assert.equal((await ask("start", "llm")).code, 0, "one that is up is left alone");
    assert.equal(home.events("llm").filter((event) => event === "start").length, 2);
    assert.equal((await ask("stop", "nobody")).code, 2);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test({
  name: "a service that is stopped before its turn is passed over, and the boot is ready without it",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: { kwd: { load_ms: 3000 }, tts: { speak_ms: 250 } },
    });
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await home.stamp("kwd", "start");
    assert.equal((await runLoader(home, ["stop", "llm", "--config", config])).code, 0);
    await loader.waitLine(/READY FOR WAKE WORD/);
    assert.deepEqual(home.events("llm"), []);
    assert.equal((await runLoader(home, ["start", "llm", "--config", config])).code, 0);
    assert.ok(home.events("llm").includes("warm"));
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test({
  name: "a person's mute survives the wake word service's crash and its restart, until it is taken back",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { ask, status, loader: running, portList } = await listening(home);
    await using loader = running;
    assert.deepEqual(JSON.parse((await ask("mute")).out), { muted: true, accepted: true });
    const muted = await status();
    assert.deepEqual([muted.muted, muted.listening, muted.talk.works], [true, false, "no"]);
    Deno.kill(muted.services[0]!.pid!, "SIGKILL");
    await home.stamp("kwd", "pause", 3); // the greeting's, ours, and ours again
    await home.stamp("kwd", "resume", 2);
    assert.deepEqual(JSON.parse((await ask("restart", "kwd")).out).ok, true);
    await home.stamp("kwd", "pause", 4);
    await home.stamp("kwd", "resume", 3);
    const again = await status();
    assert.deepEqual([again.muted, again.listening], [true, false]);
    const since = home.stampsOf("kwd").filter(({ event }) => event === "pause" || event === "resume").slice(
      2,
    );
    assert.deepEqual(since.map(({ event, paused }) => [event, paused]), [
      ["pause", true],
      ["pause", true],
      ["resume", true],
      ["pause", true],
      ["resume", true],
    ], "no copy listens for a moment");

    assert.deepEqual(JSON.parse((await ask("unmute")).out), { muted: false, accepted: true });
    const heard = await status();
    assert.deepEqual([heard.muted, heard.listening, heard.talk.works], [false, true, "yes"]);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft(portList, loader.pid);
  },
});
