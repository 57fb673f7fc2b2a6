import assert from "node:assert/strict";
import { readInfo } from "../../../lib/protocols/wyoming.ts";
import { healthClient } from "../../../lib/protocols/grpc_health.ts";
import {
  ask,
  askWyoming,
  isListening,
  silence,
  startMailbox,
  startNotifySocket,
  startStandIn,
  type TestChild,
  until,
} from "./children.ts";
import { withProcesses } from "../../support/with_processes.ts";

const quick = ["--port", "0", "--load-ms", "10"];

async function stopsCleanly(child: TestChild, signal: Deno.Signal = "SIGTERM"): Promise<void> {
  child.kill(signal);
  const { code, signal: by } = await child.status;
  assert.deepEqual({ code, by }, { code: 0, by: null }, child.lines.join("\n"));
}

withProcesses.test("runDemoService() plays a KWD that pauses for reasons", async () => {
  await using child = startStandIn(["kwd", ...quick]);
  const port = await child.port();
  assert.equal(
    child.lines[0],
    "Stand-in for the KWD service: no microphone, no model; it only speaks the contract",
  );
  assert.equal((await ask(port, "GET /ready")).status, 200);
  assert.equal((await ask(port, "GET /healthz")).status, 200);
  assert.equal(typeof (await ask(port, "POST /control/warmup", {})).json.ms, "number");
  assert.deepEqual((await ask(port, "POST /control/pause", { reason: "boot_greeting" })).json, {
    paused: true,
    reasons: ["boot_greeting"],
  });
  await ask(port, "POST /control/pause", { reason: "user" });
  assert.deepEqual((await ask(port, "POST /control/resume", { reason: "boot_greeting" })).json, {
    paused: true,
    reasons: ["user"],
  });
  const ready = await ask(port, "POST /control/system_ready", {
    boot_id: "7f3a",
    greeting: {},
    echo_cancellation: "keep",
  });
  assert.deepEqual(ready, { status: 200, json: { greets: false } });
  await ask(port, "POST /control/resume", { reason: "user" });
  assert.deepEqual((await ask(port, "GET /control/state")).json, {
    paused: false,
    reasons: [],
    boot_id: "7f3a",
  });
  assert.equal((await ask(port, "POST /control/pause", { reason: 5 })).status, 400);
  assert.equal((await ask(port, "POST /control/nothing", {})).status, 404);
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() plays a KWD that refuses to pause, and stops at SIGINT", async () => {
  await using child = startStandIn(["kwd", ...quick, "--refuse-pause"]);
  assert.equal((await ask(await child.port(), "POST /control/pause", { reason: "x" })).status, 500);
  await stopsCleanly(child, "SIGINT");
});

withProcesses.test("runDemoService() plays a TTS that takes the time of speaking", async () => {
  await using child = startStandIn(["tts", ...quick]);
  const port = await child.port();
  assert.equal((await ask(port, "GET /healthz")).status, 200);
  assert.deepEqual((await ask(port, "POST /control/speak", { text: "Warm.", play: false })).json, {
    finished: true,
    spoken_ms: 0,
  });
  const begun = performance.now();
  const { json } = await ask(port, "POST /control/speak", {
    text: "Hi Master. Ready to serve.",
    tag: "t",
    play: true,
  });
  assert.equal(json.finished, true);
  assert.ok(json.spoken_ms >= 900 && json.spoken_ms < 5000, `spoken_ms ${json.spoken_ms}`);
  assert.ok(performance.now() - begun >= 900);
  assert.equal((await ask(port, "POST /control/speak", { text: "" })).status, 400);
  assert.equal((await ask(port, "POST /control/speak", [])).status, 400);
  assert.equal(typeof (await ask(port, "POST /control/warmup")).json.ms, "number");
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() plays a TTS that stops in the middle of a speech", async () => {
  await using child = startStandIn(["tts", ...quick, "--speak-ms", "60000"]);
  const speech = ask(await child.port(), "POST /control/speak", { text: "long", play: true });
  await child.line(/long/);
  await stopsCleanly(child);
  assert.equal((await speech).status, 503);
});

withProcesses.test("runDemoService() plays a TTS that reports the end later, on this machine only", async () => {
  await using mailbox = startMailbox();
  await using child = startStandIn(["tts", ...quick, "--finish=callback", "--speak-ms", "30"]);
  const port = await child.port();
  const text = { text: "Hi.", tag: "boot_greeting", play: true };
  assert.equal((await ask(port, "POST /control/speak", { ...text, finished_url: mailbox.url })).status, 202);
  const letter = await mailbox.next();
  assert.deepEqual({ ...letter, spoken_ms: 0 }, { tag: "boot_greeting", ok: true, spoken_ms: 0 });
  for (const url of ["http://192.0.2.1/x", "https://127.0.0.1/x", "file:///etc/passwd", "x", 1]) {
    assert.equal((await ask(port, "POST /control/speak", { ...text, finished_url: url })).status, 400);
  }
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() plays an STT that speaks Wyoming", async () => {
  await using child = startStandIn(["stt", ...quick]);
  const port = await child.port();
  const info = await askWyoming(port, [["describe"]]);
  assert.deepEqual(readInfo(info!.data).asr, ["stand-in", "none"]);
  const transcript = await askWyoming(port, silence);
  assert.equal(transcript?.type, "transcript");
  assert.equal(typeof transcript?.data.text, "string");
  await child.line(/300 ms of audio/);
  // Nonsense ends that connection only.
  using peer = await Deno.connect({ hostname: "127.0.0.1", port });
  await peer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(await peer.read(new Uint8Array(10)).catch(() => null), null);
  assert.equal((await askWyoming(port, [["describe"]]))?.type, "info");
  // A connection that stays open does not keep it from stopping.
  using idle = await Deno.connect({ hostname: "127.0.0.1", port });
  await stopsCleanly(child);
  assert.equal(await idle.read(new Uint8Array(10)).catch(() => null), null);
});

withProcesses.test("runDemoService() plays an LLM that is NOT_SERVING while it loads, then SERVING", async () => {
  const check = async (child: TestChild, service = "") => {
    using client = healthClient(`127.0.0.1:${await child.port()}`);
    return (await client.check(service, { signal: new AbortController().signal, timeoutMs: 5000 })).kind;
  };
  await using loading = startStandIn(["llm", "--port", "0", "--bind-early", "--load-ms", "60000"]);
  assert.equal(await check(loading), "not_serving");
  await stopsCleanly(loading);
  await using child = startStandIn(["llm", ...quick, "--bind-early"]);
  await until("SERVING", async () => (await check(child)) === "serving" || null);
  assert.equal(await check(child, "another"), "service_unknown");
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() plays an LLM with one-token warm-ups on a second port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = taken.addr.port;
  taken.close();
  await using child = startStandIn(["llm", ...quick, "--http-port", String(port)]);
  await child.port();
  const { status, json } = await ask(port, "POST /control/warmup", { tokens: 1 });
  assert.equal(status, 200);
  assert.ok(json.ms >= 50);
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() answers 503 while it loads when it binds early", async () => {
  await using loading = startStandIn(["kwd", "--port", "0", "--bind-early", "--load-ms", "60000"]);
  assert.equal((await ask(await loading.port(), "GET /ready")).status, 503);
  await stopsCleanly(loading);
  await using child = startStandIn(["kwd", ...quick, "--bind-early"]);
  const port = await child.port();
  await until("200", async () => (await ask(port, "GET /ready")).status === 200 || null);
});

withProcesses.test("runDemoService() in standby loads, reports, and binds at the word only", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await using socket = startNotifySocket(`${folder}/n`);
    const { heard } = socket;
    const env = { ALEXA_STANDBY: "1", NOTIFY_SOCKET: `${folder}/n`, ALEXA_BIND_PORT: "0" };
    await using child = startStandIn(["kwd", "--load-ms", "10"], { env });
    await until("X_ALEXA_PREPARED", () => heard.includes("X_ALEXA_PREPARED=1") || null);
    await child.send("stop\nsta");
    assert.ok(!child.lines.some((line) => line.includes("Listening")));
    await child.send("rt\n");
    const port = await child.port();
    await until("READY", () => heard.includes("READY=1") || null);
    assert.ok(await isListening(port));
    await stopsCleanly(child);
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["n"]);

    await using orphan = startStandIn(["stt", "--load-ms", "10"], { env });
    await orphan.line(/Loading/);
    await orphan.closeInput();
    assert.equal((await orphan.status).code, 0);
    assert.ok(!orphan.lines.some((line) => line.includes("Listening")));

    await using waiting = startStandIn(["tts", "--load-ms", "10"], { env });
    heard.length = 0;
    await until("X_ALEXA_PREPARED", () => heard.includes("X_ALEXA_PREPARED=1") || null);
    await stopsCleanly(waiting);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

withProcesses.test("runDemoService() stops while it loads", async () => {
  await using child = startStandIn(["llm", "--port", "0", "--load-ms", "60000"]);
  await child.line(/Loading/);
  await stopsCleanly(child);
});

withProcesses.test("runDemoService() crashes when told to", async () => {
  await using child = startStandIn(["tts", ...quick, "--crash-after-ms", "20"]);
  await child.port();
  assert.equal((await child.status).code, 1);
});

withProcesses.test("runDemoService() says when its port is taken or missing", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const role of ["kwd", "stt", "llm"]) {
    await using child = startStandIn([role, "--port", String(taken.addr.port), "--load-ms", "1"]);
    await child.line(new RegExp(`Cannot serve on 127.0.0.1:${taken.addr.port}`));
    assert.equal((await child.status).code, 1);
  }
  await using child = startStandIn(["kwd"], { env: { ALEXA_BIND_PORT: "" } });
  await child.line(/No port/);
  assert.equal((await child.status).code, 2);
});

withProcesses.test("runDemoService() loads faster with ALEXA_DEMO_SPEED", async () => {
  await using child = startStandIn(["llm", "--port", "0"], { env: { ALEXA_DEMO_SPEED: "100" } });
  await child.line(/Loading the language model \(pretended, 15 ms\)/);
  await child.port();
  await stopsCleanly(child);
});
