/** Failed starts, restarts in place, DEGRADED and back. Spec: §6, §10.3; CONTRACT §6, §7. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, runLoader, type Stamp, TestHome } from "../support/loader_process.ts";
import { assistant, type AssistantOptions, type Ports, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

type Act = (run: { home: TestHome; loader: LoaderProcess; config: string; ports: Ports }) => Promise<void>;

function test(name: string, o: AssistantOptions, act: Act): void {
  Deno.test({
    name: `recovery ${name}`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const { config, ports, portList } = assistant(home, o);
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await act({ home, loader, config, ports });
      assert.equal(await loader.interrupt(), 0, loader.log);
      await home.assertNothingLeft(portList, loader.pid);
    },
  });
}

const count = (home: TestHome, service: string, event: string) =>
  home.events(service).filter((e) => e === event).length;

async function status(home: TestHome, config: string) {
  const { code, out } = await runLoader(home, ["status", "--json", "--config", config]);
  assert.equal(code, 0, out);
  return JSON.parse(out);
}

test("a start that fails twice is repeated in its place of the sequence", {
  knobs: { stt: { crash_first_n: 2 }, tts: { speak_ms: 250 } },
}, async ({ home, loader }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  assert.deepEqual(home.events("stt"), [
    "start",
    "crash",
    "start",
    "crash",
    "start",
    "bound",
    "ready",
    "warm",
  ]);
  const last = (service: string) => home.stampsOf(service).findLast(({ event }) => event === "warm") as Stamp;
  for (const [i, role] of roles.entries()) {
    if (i === 0) continue;
    const before = roles[i - 1]!;
    assert.ok(home.stampsOf(role)[0]!.t > last(before).t, `${role} was started before ${before} was up`);
  }
  assert.deepEqual(
    loader.messages("STT", "WARNING").filter((m) => m.startsWith("Exited")).map((m) =>
      m.replace(/after .*?;/, "after Ns;")
    ),
    [
      "Exited with code 1 after Ns; restart 1 of 3 in 0.1s",
      "Exited with code 1 after Ns; restart 2 of 3 in 0.1s",
    ],
  );
  assert.ok(loader.messages("STT", "WARNING").includes("Last output: crashing on one of the first 2 starts"));
  assert.equal(count(home, "tts", "speak_begin"), 1);
});

test("a service that exhausts its policy in mid-boot leaves the rest DEGRADED, unspoken to, and listening", {
  knobs: { llm: { crash_before_ready: true } },
  loader: { restart_policy: { max_restarts: 2, window_sec: 600, backoff: { initial_sec: 0.05 } } },
}, async ({ home, loader, config }) => {
  const { message } = await loader.waitLine(/DEGRADED/);
  assert.equal(
    message,
    "DEGRADED: llm failed (2 restarts in 600 s); wake word yes, transcription yes, answers no, speech yes",
  );
  await loader.waitLine(/KWD.*Wake-word detection enabled; READY FOR WAKE WORD/);
  assert.equal(count(home, "llm", "start"), 3);
  assert.equal(count(home, "tts", "warm"), 1, "the sequence went on");
  assert.equal(count(home, "tts", "speak_begin"), 0);
  assert.equal(count(home, "kwd", "system_ready"), 0);
  assert.equal(count(home, "kwd", "resume"), 1);
  const now = await status(home, config);
  assert.equal(now.state, "DEGRADED");
  assert.equal(now.listening, true);
  assert.deepEqual(now.capabilities, {
    "wake word": true,
    transcription: true,
    answers: false,
    speech: true,
  });
  assert.ok(!loader.log.includes("SYSTEM_READY"));
  assert.deepEqual(home.boots().map((boot) => boot.outcome), ["degraded"]);
});

test("`restart tts` out of DEGRADED reaches SYSTEM_READY and greets then, once", {
  knobs: { tts: { crash_first_n: 1, speak_ms: 250 } },
  loader: { restart_policy: { max_restarts: 0 } },
}, async ({ home, loader, config }) => {
  await loader.waitLine(/DEGRADED/);
  await loader.waitLine(/READY FOR WAKE WORD/);
  const restart = await runLoader(home, ["restart", "tts", "--config", config]);
  assert.equal(restart.code, 0, restart.out + restart.err);
  await loader.waitLine(/entering SYSTEM_READY/);
  await loader.waitLine(/resume after 150 ms guard/);
  assert.equal((await runLoader(home, ["restart", "tts", "--config", config])).code, 0);
  assert.equal((await runLoader(home, ["restart", "stt", "--config", config])).code, 0);
  assert.equal(count(home, "tts", "speak_begin"), 1);
  assert.equal(count(home, "kwd", "system_ready"), 1);
  assert.equal((await status(home, config)).state, "SYSTEM_READY");
  assert.equal(home.stampsOf("kwd").findLast(({ event }) => /^(pause|resume)/.test(event))?.event, "resume");
});

test("KWD killed in mid-greeting: its fresh copy listens, nothing is spoken again", {
  knobs: { tts: { speak_ms: 1200 } },
}, async ({ home, loader, config }) => {
  const [{ pid }] = [await home.stamp("kwd", "start"), await home.stamp("tts", "speak_begin")];
  kill(pid, "SIGKILL");
  await loader.waitLine(/READY FOR WAKE WORD/);
  await home.stamp("kwd", "warm", 2);
  await home.stamp("kwd", "resume");
  const fresh = home.stampsOf("kwd").filter(({ event }) => event === "start")[1]!.pid;
  const listening = home.stampsOf("kwd").findLast(({ event }) => event === "resume")!;
  assert.equal(listening.pid, fresh);
  assert.equal(count(home, "tts", "speak_begin"), 1);
  assert.equal(count(home, "kwd", "system_ready"), 1);
  assert.equal((await status(home, config)).listening, true);
});

for (const speak of ["ok", "callback"]) {
  test(`TTS killed in mid-speech (${speak}): one WARNING of the greeting, listening enabled at once`, {
    knobs: { tts: { speak, speak_ms: 1500 } },
  }, async ({ home, loader }) => {
    const { pid } = await home.stamp("tts", "speak_begin");
    const killedAt = performance.now();
    kill(pid, "SIGKILL");
    const { at } = await loader.waitLine(/READY FOR WAKE WORD/);
    assert.ok(at - killedAt < 1000, "it waited for the watchdog");
    await home.stamp("tts", "warm", 2);
    assert.equal(count(home, "tts", "speak_begin"), 1);
    assert.equal(loader.messages("TTS", "WARNING").filter((m) => m.startsWith("Greeting failed")).length, 1);
    assert.equal(
      loader.messages("TTS", "WARNING").filter((m) => m.startsWith("Killed by SIGKILL")).length,
      1,
    );
    assert.equal(loader.messages("TTS", "WARNING").length, 2, loader.log);
  });
}

test("Q7: nothing says SYSTEM_READY while a service is in backoff, and a line says when it is back", {
  knobs: { tts: { speak_ms: 450 } },
  loader: { restart_policy: { backoff: { initial_sec: 1.5 } } },
}, async ({ home, loader, config }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  kill((await home.stamp("stt", "start")).pid, "SIGKILL");
  await loader.waitLine(/STT.*restart 1 of 3/);
  const lost = await status(home, config);
  assert.equal(lost.state, "DEGRADED");
  assert.match(lost.degraded, /^stt is \w+; wake word yes, transcription no, answers yes, speech yes$/);
  const { message } = await loader.waitLine(/SYSTEM_READY again/);
  assert.match(message, /^SYSTEM_READY again: stt is back after \d+\.\d+s$/);
  const back = await status(home, config);
  assert.deepEqual([back.state, back.degraded], ["SYSTEM_READY", null]);
  assert.equal(loader.messages("LOADER").filter((m) => m.startsWith("SYSTEM_READY: ")).length, 1);
  assert.equal(count(home, "tts", "speak_begin"), 1);
});

test("P3: what is up and was not seen to work is unproved; a spoken greeting proves a TTS", {
  knobs: { tts: { speak_ms: 450, warmup: 404 }, llm: { warmup: 404 } },
}, async ({ home, loader, config }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  const { state, capabilities } = await status(home, config);
  assert.deepEqual([state, capabilities], [
    "SYSTEM_READY",
    { "wake word": true, transcription: true, answers: "unproved", speech: true },
  ]);
  const { out } = await runLoader(home, ["status", "--config", config]);
  assert.match(out, /^works: wake word yes, transcription yes, answers unproved, speech yes$/m);
});

test("G15: a person's mute outlives a crash of KWD", {
  knobs: { tts: { speak_ms: 600 } },
}, async ({ home, loader, ports }) => {
  const kwd = `http://127.0.0.1:${ports.KWD}/control`;
  await home.stamp("tts", "speak_begin");
  const muted = await fetch(`${kwd}/pause`, { method: "POST", body: JSON.stringify({ reason: "user" }) });
  assert.deepEqual((await muted.json()).reasons, ["boot_greeting", "user"]);
  await home.stamp("kwd", "resume");
  await loader.waitLine(/Wake-word detection enabled/);
  kill((await home.stamp("kwd", "start")).pid, "SIGKILL");
  await home.stamp("kwd", "start", 2);
  await home.stamp("kwd", "resume", 2); // the fresh copy is told to listen, and the mute came before that
  const state = await (await fetch(`${kwd}/state`)).json();
  assert.deepEqual(state, { paused: true, reasons: ["user"] });
  const fresh = home.events("kwd").slice(home.events("kwd").lastIndexOf("start"));
  assert.ok(fresh.indexOf("pause") < fresh.indexOf("resume"), fresh.join());
});

test("G26: nobody listens while KWD is down, and status says so", {
  knobs: { tts: { speak_ms: 450 } },
  loader: { restart_policy: { max_restarts: 0 } },
}, async ({ home, loader, config }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  assert.equal((await status(home, config)).listening, true);
  kill((await home.stamp("kwd", "start")).pid, "SIGKILL");
  await loader.waitLine(/DEGRADED/);
  assert.equal((await status(home, config)).listening, false);
});

test("a service that ends by itself with exit 0 is not restarted and leaves the system DEGRADED", {
  knobs: { stt: { crash_after_ms: 1500, exit_code: 0 }, tts: { speak_ms: 250 } },
}, async ({ home, loader }) => {
  const { message } = await loader.waitLine(/DEGRADED/);
  assert.equal(
    message,
    "DEGRADED: stt failed (it ended by itself with exit 0); wake word yes, transcription no, answers yes, speech yes",
  );
  assert.equal(count(home, "stt", "start"), 1);
});

test("a KWD that returns to a boot that ended DEGRADED is told to listen", {
  knobs: { llm: { crash_before_ready: true } },
  loader: { restart_policy: { max_restarts: 1, backoff: { initial_sec: 0.05 } } },
}, async ({ home, loader, config }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  kill((await home.stamp("kwd", "start")).pid, "SIGKILL");
  await home.stamp("kwd", "warm", 2);
  await home.stamp("kwd", "resume", 2);
  assert.equal(count(home, "tts", "speak_begin"), 0);
  assert.equal((await status(home, config)).listening, true);
});
