/** The Python fixture services themselves: each starts, answers, has its faults, and stops. */
import assert from "node:assert/strict";
import { healthClient } from "../../lib/protocols/grpc_health.ts";
import { readInfo } from "../../lib/protocols/wyoming.ts";
import {
  ask,
  askWyoming,
  type ChildOptions,
  isListening,
  silence,
  startChild,
  startMailbox,
  startNotifySocket,
  type TestChild,
  until,
} from "./demo/children.ts";
import { withoutPython } from "./demo/python.ts";

interface Stamp {
  event: string;
  t: number;
  pid: number;
  service: string;
  [more: string]: unknown;
}

interface FixtureRun extends AsyncDisposable {
  child: TestChild;
  folder: string;
  stamps(): Stamp[];
  stamp(event: string): Promise<Stamp>;
  port(): Promise<number>;
  ready(): Promise<number>;
  events(): string[];
}

function startFixture(
  service: string,
  knobs: string[] = [],
  options: ChildOptions & { folder?: string } = {},
): FixtureRun {
  const folder = options.folder ?? Deno.makeTempDirSync();
  const stamps = (): Stamp[] => {
    try {
      const lines = Deno.readTextFileSync(`${folder}/${service}.jsonl`).split("\n");
      return lines.slice(0, -1).map((line) => JSON.parse(line));
    } catch {
      return [];
    }
  };
  const env = { ALEXA_STAMPS: folder, ...options.env };
  const path = `tests/fixtures/services/${service}.py`;
  const child = startChild(["python3", path, "--port=0", "--max-life-sec=60", ...knobs], { ...options, env });
  const stamp = (event: string) =>
    until(`${service}: ${event}\n${child.lines.join("\n")}`, () => stamps().find((s) => s.event === event));
  const port = async () => (await stamp("bound")).port as number;
  return {
    child,
    folder,
    stamps,
    stamp,
    port,
    async ready() {
      await stamp("ready");
      return await port();
    },
    events: () => stamps().map((s) => s.event),
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      if (!options.folder) Deno.removeSync(folder, { recursive: true });
    },
  };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `fixture ${name}`, ignore: withoutPython, fn });
}

async function stops(run: FixtureRun): Promise<void> {
  run.child.kill("SIGTERM");
  assert.deepEqual(
    { ...await run.child.status },
    { success: true, code: 0, signal: null },
    run.child.lines.join("\n"),
  );
  assert.deepEqual(run.events().slice(-2), ["term", "stopped"]);
}

test("kwd.py answers every verb and stamps what happens, in order", async () => {
  await using run = startFixture("kwd");
  const port = await run.ready();
  assert.equal((await ask(port, "GET /ready")).status, 200);
  assert.equal((await ask(port, "POST /control/warmup", {})).status, 200);
  assert.deepEqual((await ask(port, "POST /control/pause", { reason: "boot_greeting" })).json, {
    paused: true,
    reasons: ["boot_greeting"],
  });
  const told = await ask(port, "POST /control/system_ready", { boot_id: "7f3a", greeting: { text: "Hi." } });
  assert.deepEqual(told.json, { greets: false });
  assert.deepEqual((await ask(port, "POST /control/resume", { reason: "boot_greeting" })).json, {
    paused: false,
    reasons: [],
  });
  await stops(run);
  const expected = ["start", "bound", "ready", "warm", "pause", "system_ready", "resume", "term", "stopped"];
  assert.deepEqual(run.events(), expected);
  const times = run.stamps().map((stamp) => stamp.t);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.ok(run.stamps().every((stamp) => stamp.pid === run.child.pid && stamp.service === "kwd"));
  const warm = run.stamps().find((stamp) => stamp.event === "warm")!;
  assert.ok((warm.end as number) - (warm.begin as number) >= 10e6);
});

test("kwd.py refuses pauses and resumes as told", async () => {
  await using run = startFixture("kwd", [
    "refuse_pause=500",
    "refuse_resume_n=2",
    "system_ready=404",
    "warmup=501",
  ]);
  const port = await run.ready();
  assert.equal((await ask(port, "POST /control/pause", {})).status, 500);
  assert.equal((await ask(port, "POST /control/system_ready", {})).status, 404);
  assert.equal((await ask(port, "POST /control/warmup", {})).status, 501);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await ask(port, "POST /control/resume", {})).status);
  assert.deepEqual(statuses, [500, 500, 200]);
  await stops(run);
});

test("kwd.py hangs in a pause and still stops", async () => {
  await using run = startFixture("kwd", ["--hang-pause"]);
  const hung = ask(await run.ready(), "POST /control/pause", {}).catch(() => null);
  await run.stamp("pause_hung");
  await stops(run);
  assert.equal(await hung, null);
});

test("kwd.py greets by itself through tts.py", async () => {
  await using tts = startFixture("tts", ["speak_ms=20"]);
  const origin = `http://127.0.0.1:${await tts.ready()}`;
  await using run = startFixture("kwd", ["greets=true", `tts_url=${origin}`, "guard_ms=10"]);
  const port = await run.ready();
  assert.deepEqual((await ask(port, "POST /control/system_ready", { greeting: { text: "Hello." } })).json, {
    greets: true,
  });
  await run.stamp("resume");
  assert.deepEqual(run.events().slice(-4), ["system_ready", "pause", "greeted", "resume"]);
  assert.equal((await tts.stamp("speak_begin")).text, "Hello.");
});

test("tts.py speaks, and synthesises without speaking", async () => {
  await using run = startFixture("tts", ["--speak-ms", "60"]);
  const port = await run.ready();
  assert.equal((await ask(port, "POST /control/speak", { text: "Warm.", play: false })).json.finished, true);
  const { json } = await ask(port, "POST /control/speak", { text: "Hi.", tag: "t", play: true });
  assert.ok(json.finished && json.spoken_ms >= 60);
  assert.deepEqual(run.events().slice(-3), ["warm", "speak_begin", "speak_end"]);
  await stops(run);
});

const speeches: [mode: string, status: number, letters: [tag: string, ok: boolean][]][] = [
  ["500", 500, []],
  ["twice", 200, [["t", true]]],
  ["callback", 202, [["t", true]]],
  ["callback_twice", 202, [["t", true], ["t", true]]],
  ["callback_failed", 202, [["t", false]]],
  ["wrong_tag", 202, [["not_t", true]]],
  ["wrong_tag_first", 202, [["not_t", true], ["t", true]]],
];
for (const [mode, status, letters] of speeches) {
  test(`tts.py with speak=${mode}`, async () => {
    await using mailbox = startMailbox();
    // A dead proxy must not matter to what stays on this machine.
    const env = { http_proxy: "http://127.0.0.1:9" };
    await using run = startFixture("tts", [`speak=${mode}`, "speak_ms=20"], { env });
    const body = { text: "Hi.", tag: "t", play: true, finished_url: mailbox.url };
    assert.equal((await ask(await run.ready(), "POST /control/speak", body)).status, status);
    for (const [tag, ok] of letters) {
      const letter = await mailbox.next();
      assert.deepEqual([letter.tag, letter.ok], [tag, ok]);
    }
    if (letters.length > 0) await run.stamp("finish_event");
    await stops(run);
  });
}

test("tts.py hangs, dies in mid-speech, or never tells", async () => {
  const body = { text: "Hi.", tag: "t", play: true };
  await using hanging = startFixture("tts", ["speak=hang"]);
  const hung = ask(await hanging.ready(), "POST /control/speak", body).catch(() => null);
  await hanging.stamp("speak_begin");
  await stops(hanging);
  assert.equal(await hung, null);

  await using dying = startFixture("tts", ["speak=die", "exit_code=3"]);
  const cut = ask(await dying.ready(), "POST /control/speak", body).catch(() => null);
  assert.equal((await dying.child.status).code, 3);
  assert.equal(await cut, null);

  await using mute = startFixture("tts", ["speak=callback_never", "speak_ms=1"]);
  assert.equal((await ask(await mute.ready(), "POST /control/speak", body)).status, 202);
  await mute.stamp("speak_end");
  await stops(mute);
});

test("stt.py speaks Wyoming and stamps a transcription as a warm-up", async () => {
  await using run = startFixture("stt");
  const port = await run.ready();
  assert.deepEqual(readInfo((await askWyoming(port, [["describe"]]))!.data).asr, ["fixture", "fixture-en"]);
  const transcript = await askWyoming(port, silence);
  assert.deepEqual([transcript?.type, transcript?.data.text], ["transcript", "so"]);
  assert.equal((await run.stamp("warm")).audio_ms, 300);
  await stops(run);
});

test("stt.py can be plain TCP, or fail its warm-up", async () => {
  await using plain = startFixture("stt", ["no_wyoming"]);
  const port = await plain.ready();
  assert.ok(await isListening(port));
  const silent = askWyoming(port, [["describe"]]).catch(() => null);
  await stops(plain);
  assert.equal(await silent, null);
  await using failing = startFixture("stt", ["warmup=error"]);
  assert.equal((await askWyoming(await failing.ready(), silence))?.type, "error");
});

async function health(port: number, service = "", timeoutMs = 10_000): Promise<string> {
  using client = healthClient(`127.0.0.1:${port}`);
  return (await client.check(service, { signal: new AbortController().signal, timeoutMs })).kind;
}

test("llm.py speaks grpc.health.v1 to a real client", async () => {
  await using loading = startFixture("llm", ["not_serving_ms=60000"]);
  assert.equal(await health(await loading.port()), "not_serving");
  await stops(loading);
  await using run = startFixture("llm", ["not_serving_ms=50", "services=a,alexa.Llm"]);
  const port = await run.ready();
  assert.equal(await health(port), "serving");
  assert.equal(await health(port, "alexa.Llm"), "serving");
  assert.equal(await health(port, "b"), "service_unknown");
  using client = healthClient(`127.0.0.1:${port}`);
  for (let i = 0; i < 20; i++) {
    const answer = await client.check("", { signal: new AbortController().signal, timeoutMs: 5000 });
    assert.equal(answer.kind, "serving");
  }
  await stops(run);
});

test("llm.py gives each answer that a gRPC server may give", async () => {
  const wanted = {
    unimplemented: "unimplemented",
    unknown: "unknown",
    hang: "timeout",
    garbage: "unavailable",
  };
  for (const [grpc, kind] of Object.entries(wanted)) {
    await using run = startFixture("llm", [`grpc=${grpc}`]);
    assert.equal(await health(await run.ready(), "", grpc === "hang" ? 300 : 10_000), kind, grpc);
  }
});

test("llm.py takes warm-ups over HTTP on a second port", async () => {
  const http = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = http.addr.port;
  http.close();
  await using run = startFixture("llm", [`http_port=${port}`, "model=tiny"]);
  await run.ready();
  assert.equal((await ask(port, "GET /api/version")).status, 200);
  assert.equal((await ask(port, "GET /api/tags")).json.models[0].name, "tiny");
  assert.equal((await ask(port, "POST /api/generate", { model: "tiny", prompt: "a" })).json.done, true);
  assert.equal((await ask(port, "POST /v1/completions", { prompt: "a" })).json.choices.length, 1);
  assert.equal(run.events().filter((event) => event === "warm").length, 2);
  await stops(run);
});

test("services refuse a knob that does not exist", async () => {
  await using run = startFixture("kwd", ["refuse_puase=500"]);
  assert.equal((await run.child.status).code, 64);
});

test("services take knobs from the environment, and their port from ALEXA_BIND_PORT", async () => {
  await using run = startFixture("kwd", ["--port="], {
    env: { FIXTURE_REFUSE_PAUSE: "503", ALEXA_BIND_PORT: "0" },
  });
  assert.equal((await ask(await run.ready(), "POST /control/pause", {})).status, 503);
});

test("services crash before they are ready, after it, and on their first starts", async () => {
  await using before = startFixture("stt", ["crash_before_ready", "exit_code=7"]);
  assert.equal((await before.child.status).code, 7);
  assert.deepEqual(before.events(), ["start", "crash"]);
  await using after = startFixture("stt", ["crash_after_ms=1"]);
  assert.equal((await after.child.status).code, 1);
  assert.deepEqual(after.events(), ["start", "bound", "ready", "crash"]);
  const { folder } = after;
  for (let i = 0; i < 2; i++) {
    await using failing = startFixture("kwd", ["crash_first_n=2"], { folder });
    assert.equal((await failing.child.status).code, 1);
  }
  await using third = startFixture("kwd", ["crash_first_n=2"], { folder });
  await third.ready();
  await stops(third);
});

test("services ignore SIGTERM, or are slow to follow it", async () => {
  await using deaf = startFixture("kwd", ["ignore_term"]);
  const port = await deaf.ready();
  deaf.child.kill("SIGTERM");
  await deaf.stamp("term_ignored");
  assert.equal((await ask(port, "GET /ready")).status, 200);
  await using slow = startFixture("tts", ["term_ms=300"]);
  await slow.ready();
  await stops(slow);
  const [term, stopped] = slow.stamps().slice(-2);
  assert.ok(stopped!.t - term!.t >= 300e6);
});

test("services leave a helper on the port, which dies with the group", async () => {
  await using run = startFixture("kwd", ["fork_helper_keeps_port=stubborn"], { group: true });
  const port = await run.ready();
  const helper = (await run.stamp("helper")).helper as number;
  run.child.kill("SIGTERM");
  assert.equal((await run.child.status).code, 0);
  assert.ok(await isListening(port), "the helper should hold the port");
  Deno.kill(-run.child.pid, "SIGTERM");
  assert.ok(await isListening(port), "the stubborn helper should ignore SIGTERM");
  assert.ok(isRunning(helper));
  Deno.kill(-run.child.pid, "SIGKILL");
  await until("the port to be free", async () => !(await isListening(port)) || null);
});

test("services leave a grandchild in a session of its own", async () => {
  await using run = startFixture("stt", ["daemonize_grandchild=port"], { group: true });
  const port = await run.ready();
  const { grandchild } = await run.stamp("grandchild");
  try {
    run.child.kill("SIGTERM");
    assert.equal((await run.child.status).code, 0);
    assert.throws(() => Deno.kill(-run.child.pid, "SIGKILL"), "the group should be empty");
    assert.ok(isRunning(grandchild as number));
    assert.ok(await isListening(port));
  } finally {
    Deno.kill(grandchild as number, "SIGKILL");
  }
});

test("services in standby bind at the word only, and leave without it", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await using socket = startNotifySocket(`${folder}/n`);
    const env = { ALEXA_STANDBY: "1", NOTIFY_SOCKET: `${folder}/n` };
    await using run = startFixture("tts", ["notify"], { env });
    await until("X_ALEXA_PREPARED", () => socket.heard.includes("X_ALEXA_PREPARED=1") || null);
    assert.deepEqual(run.events(), ["start", "prepared"]);
    await run.child.send("start\n");
    await run.ready();
    assert.deepEqual(run.events(), ["start", "prepared", "released", "bound", "ready"]);
    await until("READY", () => socket.heard.includes("READY=1") || null);
    await using orphan = startFixture("llm", [], { env });
    await orphan.stamp("prepared");
    await orphan.child.closeInput();
    assert.equal((await orphan.child.status).code, 0);
    assert.deepEqual(orphan.events(), ["start", "prepared", "unreleased"]);
    await using early = startFixture("kwd", ["standby_bind_early"], { env });
    await early.stamp("prepared");
    assert.equal((await ask(await early.port(), "GET /ready")).status, 503);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

test("services flood, print odd lines, or say nothing", async () => {
  await using loud = startFixture("kwd", ["flood=2000", "odd_output"]);
  await loud.ready();
  await loud.child.line(/a last line without an end/);
  assert.equal(loud.child.lines.filter((line) => line.startsWith("flood ")).length, 2000);
  assert.ok(loud.child.lines.some((line) => line.length > 1 << 20));
  await using quiet = startFixture("tts", ["silent", "flood=5"]);
  await quiet.ready();
  await stops(quiet);
  assert.deepEqual(quiet.child.lines, []);
});

test("services become unhealthy after a while", async () => {
  await using run = startFixture("kwd", ["unhealthy_after_ms=1"]);
  const port = await run.ready();
  await until("500", async () => (await ask(port, "GET /healthz")).status === 500 || null);
});

function isRunning(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
