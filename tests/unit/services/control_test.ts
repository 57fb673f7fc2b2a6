import assert from "node:assert/strict";
import type { ControlSpec, GreetingPlan } from "../../../lib/model/plan.ts";
import { createService, KwdService, ManagedService, TtsService } from "../../../lib/services/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { servicePlan, testContext } from "../../support/fake_service.ts";
import { withProcesses } from "../../support/with_processes.ts";

const context = () => testContext({ bootId: "boot-7", clock: systemClock });
const kwdWith = (control: ControlSpec) =>
  createService(servicePlan("kwd", { control }), context()) as KwdService;
const ttsWith = (control: ControlSpec) =>
  createService(servicePlan("tts", { control }), context()) as TtsService;
const ask = () => ({ signal: new AbortController().signal, timeoutMs: 5000 });

/** A service's control port that answers as told and keeps what it is asked. */
async function withPort(
  answer: (path: string) => Response,
  fn: (control: ControlSpec, asked: [string, Record<string, unknown>][]) => Promise<void>,
) {
  const asked: [string, Record<string, unknown>][] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    asked.push([`${request.method} ${pathname}`, await request.json()]);
    return answer(pathname);
  });
  await fn({ kind: "http", url: `http://127.0.0.1:${server.addr.port}` }, asked);
}

Deno.test("createService() makes the adapter of the role", () => {
  assert.ok(kwdWith({ kind: "none" }) instanceof KwdService);
  assert.ok(ttsWith({ kind: "none" }) instanceof TtsService);
  const other = createService(servicePlan("vision"), context());
  assert.ok(other instanceof ManagedService && !(other instanceof KwdService));
  assert.equal(other.pid(), null);
});

Deno.test("T16: ManagedService of an external service starts and stops nothing", async () => {
  const plan = servicePlan("stt", {
    manage: "external",
    prepare: { ...servicePlan("stt").prepare, standby: true },
  });
  const refuse = () => assert.fail("a process was started");
  await using service = createService(plan, { ...context(), onSpawned: refuse });
  assert.equal((await service.prepareAsync(ask().signal)).kind, "none");
  await service.start();
  assert.deepEqual([service.copy, service.pid()], [null, null]);
  assert.deepEqual(await service.stop(), { ms: 0, how: null, killed: false, left: [], stuck: false });
});

Deno.test("KwdService speaks CONTRACT §5, and knows of which mute to tell a fresh copy", async () => {
  const reasons = ["boot_greeting", "user", 7];
  await withPort(() => Response.json({ paused: true, reasons }), async (control, asked) => {
    const kwd = kwdWith(control);
    assert.equal((await kwd.pause(ask())).state, "ok");
    assert.equal((await kwd.resume(ask())).state, "ok");
    const greeting: GreetingPlan = {
      enabled: true,
      text: "Hi",
      pauseDuringTts: true,
      resumeAfterMs: 150,
      timeoutMs: 5000,
      budgetMs: 1500,
      outputLatencyMs: 0,
    };
    assert.equal((await kwd.onSystemReady(greeting, ask())).greets, false);
    await kwd.restoreMutes(ask());
    assert.deepEqual(asked, [
      ["POST /control/pause", { reason: "boot_greeting" }],
      ["POST /control/resume", { reason: "boot_greeting" }],
      ["POST /control/system_ready", {
        boot_id: "boot-7",
        greeting: { enabled: true, text: "Hi", kwd_pause_during_tts: true, kwd_resume_after_tts_ms: 150 },
        echo_cancellation: "keep",
      }],
      ["POST /control/pause", { reason: "user" }],
    ]);
  });
});

Deno.test("TtsService.speak() tells finished, accepted, refused and not offered apart", async () => {
  const answers: [Response, unknown][] = [
    [Response.json({ finished: true, spoken_ms: 940 }), { state: "finished", spokenMs: 940 }],
    [Response.json({ finished: true, spoken_ms: "long" }), { state: "finished", spokenMs: null }],
    [new Response("no JSON"), { state: "finished", spokenMs: null }],
    [Response.json({ finished: false }), {
      state: "failed",
      detail: "/control/speak answered finished: false",
    }],
    [new Response(null, { status: 202 }), { state: "accepted" }],
    [new Response("out of breath\nmore", { status: 500 }), {
      state: "failed",
      detail: '/control/speak answered 500: "out of breath"',
    }],
    [new Response(null, { status: 404 }), { state: "not_offered", detail: "/control/speak answered 404" }],
    [new Response(null, { status: 501 }), { state: "not_offered", detail: "/control/speak answered 501" }],
  ];
  const rest = answers.map(([answer]) => answer);
  await withPort(() => rest.shift()!, async (control, asked) => {
    const tts = ttsWith(control);
    for (const [, wanted] of answers) {
      assert.deepEqual(
        await tts.speak("Hi", "boot_greeting", { ...ask(), finishedUrl: "http://x/f" }),
        wanted,
      );
    }
    assert.deepEqual(asked[0], ["POST /control/speak", {
      text: "Hi",
      tag: "boot_greeting",
      play: true,
      finished_url: "http://x/f",
    }]);
  });
});

Deno.test("a verb fails with half a sentence when nobody listens, and rejects only with the signal's reason", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  listener.close();
  const answer = await kwdWith({ kind: "http", url }).pause(ask());
  assert.ok(
    answer.state === "failed" && answer.detail.startsWith("/control/pause: "),
    JSON.stringify(answer),
  );
});

withProcesses.test("commands as control fill in their placeholders and count as done when they exit 0", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const say = [
      "sh",
      "-c",
      `printf '%s|%s|%s' "$1" "$2" "$3" > ${dir}/said`,
      "x",
      "{text}",
      "{tag}",
      "{other}",
    ];
    const tts = ttsWith({ kind: "command", speak: say, pause: null, resume: null });
    const text = "Hi $(id) `id` {tag}";
    assert.deepEqual(await tts.speak(text, "boot_greeting", ask()), { state: "finished", spokenMs: null });
    assert.equal(
      Deno.readTextFileSync(`${dir}/said`),
      `${text}|boot_greeting|{other}`,
      "no shell reads the text",
    );
    const kwd = kwdWith({
      kind: "command",
      speak: null,
      pause: ["sh", "-c", "echo muted by hand >&2; exit 3"],
      resume: null,
    });
    assert.deepEqual(await kwd.pause(ask()), { state: "failed", detail: 'sh: exit 3: "muted by hand"' });
    assert.equal((await kwd.resume(ask())).state, "not_offered");
    const missing = ttsWith({ kind: "command", speak: ["/no/such/flite"], pause: null, resume: null });
    assert.deepEqual(await missing.speak("Hi", "t", ask()), {
      state: "failed",
      detail: "/no/such/flite: not found",
    });
    assert.equal((await kwdWith({ kind: "none" }).pause(ask())).state, "not_offered");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
