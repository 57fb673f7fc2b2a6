/** Messages to real receivers: one that is down, slow, refuses, hangs. Time is the test's. */
import assert from "node:assert/strict";
import { Log } from "../../../lib/log/mod.ts";
import type { ReceiverPlan } from "../../../lib/model/plan.ts";
import { canTalk } from "../../../lib/model/talk.ts";
import { Messenger, quietMs } from "../../../lib/outward/messenger.ts";
import { type RunCommand, runCommand } from "../../../lib/sys/process/command.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { planOf } from "../../support/config_edit.ts";
import { until } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { loaderStatus } from "../api/support.ts";
import { fell, givenUp, up } from "./support.ts";

interface Heard {
  path: string;
  authorization: string | null;
  body: Record<string, unknown>;
}

/** An HTTP server that answers as it is told. */
function receiver(answer: () => Response | Promise<Response> = () => new Response(), port = 0) {
  const heard: Heard[] = [];
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname: path } = new URL(request.url);
    const text = await request.text();
    const authorization = request.headers.get("authorization");
    heard.push({ path, authorization, body: text ? JSON.parse(text) : {} });
    return await answer();
  });
  const { port: bound } = server.addr;
  return {
    heard,
    port: bound,
    url: `http://127.0.0.1:${bound}/hook-secret`,
    titles: () => heard.map(({ body }) => body.title),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const webhook = (url: string, more: Partial<ReceiverPlan> = {}): ReceiverPlan => ({
  to: { kind: "webhook", urlSecret: url, tokenFile: null },
  quiet: null,
  ...more,
});

async function setUp(notify: ReceiverPlan[], o: { state?: string; run?: RunCommand } = {}) {
  const dir = o.state ?? Deno.makeTempDirSync({ prefix: "al" });
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = new Log({
    dir: null,
    console: async (bytes) => void lines.push(new TextDecoder().decode(bytes)),
  });
  const status = loaderStatus({ state: "DEGRADED", degraded: "llm failed" });
  const plan = {
    ...planOf(
      "loader: { startup_sequence: [llm, tts], shutdown_sequence: [llm, tts] }\n" +
        "services: { llm: { cmd: [a], env: { API_KEY: planted-secret }, readiness: { type: tcp, port: 5003 } }, " +
        "tts: { cmd: [a], readiness: { type: tcp, port: 5004 } } }",
    ),
    notify,
  };
  const messenger = new Messenger({
    plan: () => ({ ...plan, dirs: { ...plan.dirs, state: dir } }),
    status: () => ({ ...status, talk: canTalk(status) }),
    clock,
    log,
    run: o.run ?? (() => assert.fail("no command is run")),
  });
  return {
    clock,
    dir,
    note: (...facts: Parameters<Messenger["note"]>[0][]) => facts.forEach((fact) => messenger.note(fact)),
    log: async () => {
      await log.flush();
      return lines.join("");
    },
    /** The clock goes on until it is so; a real server answers in between. */
    async pass(ms: number, step = ms) {
      for (let passed = 0; passed < ms; passed += step) {
        await clock.advance(step);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async end() {
      const ended = messenger[Symbol.asyncDispose]();
      await clock.settle();
      await clock.advance(1000);
      await ended;
      assert.equal(clock.pending, 0, "timers");
      await log[Symbol.asyncDispose]();
    },
  };
}

Deno.test("one message when it breaks, one when it is well; each receiver in its own words, with its token", async () => {
  await using server = receiver();
  const dir = Deno.makeTempDirSync({ prefix: "al" });
  Deno.writeTextFileSync(`${dir}/token`, "tk_planted\n");
  const t = await setUp([
    webhook(server.url),
    {
      to: {
        kind: "ntfy",
        url: new URL(server.url).origin,
        topicSecret: "topic-planted",
        tokenFile: `${dir}/token`,
      },
      quiet: null,
    },
  ], { state: dir });
  t.note(givenUp("llm"));
  await t.pass(2000);
  await until(() => server.heard.length === 2);
  t.note(up("llm"));
  await t.pass(10_000);
  await until(() => server.heard.length === 4);
  await t.end();
  const [hook, ntfy] = ["/hook-secret", "/"].map((path) =>
    server.heard.filter((heard) => heard.path === path)
  );
  assert.deepEqual(hook!.map(({ authorization }) => authorization), [null, null]);
  assert.equal(hook![0]!.body.kind, "down");
  assert.match(
    String(hook![0]!.body.text),
    /^You are heard, but: llm failed\nllm: Killed by SIGKILL after 61\.0s at .*; given up \(3 restarts in 600 s\)$/,
  );
  assert.deepEqual(hook!.map(({ body }) => body.title), ["llm is down", "llm is well again"]);
  assert.deepEqual(ntfy!.map(({ authorization }) => authorization), Array(2).fill("Bearer tk_planted"));
  const { message, ...rest } = ntfy![1]!.body;
  assert.match(String(message), /After 2\.00s\.$/);
  assert.deepEqual(rest, {
    topic: "topic-planted",
    title: "llm is well again",
    priority: 3,
    tags: ["white_check_mark"],
  });
  assert.equal(await t.log(), "");
});

Deno.test("a receiver that answers 500, and one that is not there, are told later, together; its secrets are in no log", async () => {
  let ok = false;
  await using moody = receiver(() => new Response(null, { status: ok ? 200 : 500 }));
  const gone = receiver();
  await gone[Symbol.asyncDispose]();
  const t = await setUp([webhook(moody.url), webhook(gone.url)]);
  t.note(givenUp("llm"));
  await t.pass(2000);
  await until(() => moody.heard.length === 1);
  t.note(up("llm"));
  await t.pass(15_000, 5000);
  assert.equal(moody.heard.length, 3, "after 5 s, and after 10 s");
  ok = true;
  await using back = receiver(undefined, gone.port);
  await t.pass(40_000, 5000);
  await t.end();
  assert.equal(moody.titles().at(-1), "llm went down, well again");
  assert.deepEqual(back.titles(), ["llm went down, well again"]);
  const log = await t.log();
  assert.match(
    log,
    new RegExp(`WARNING = Cannot tell webhook at 127.0.0.1:${moody.port}: it answered 500; it is told`),
  );
  assert.match(log, /Cannot tell webhook at .*: connection refused; it is told later/);
  assert.equal(log.match(/is told again/g)?.length, 2);
  assert.equal(log.match(/WARNING/g)?.length, 2, "once an absence");
  assert.doesNotMatch(log, /hook-secret|planted/);
});

Deno.test("a receiver that hangs delays nobody: not who tells, not the others, not the end", async () => {
  const never = Promise.withResolvers<Response>();
  const hanging = receiver(() => never.promise);
  await using well = receiver();
  const t = await setUp([webhook(hanging.url), webhook(well.url)]);
  t.note(givenUp("llm"));
  await t.pass(2000);
  await until(() => hanging.heard.length === 1 && well.heard.length === 1);
  await t.pass(40_000); // what comes now has another cause
  const began = performance.now();
  for (let i = 0; i < 10_000; i++) t.note(fell("tts"), up("tts"));
  assert.ok(performance.now() - began < 2000, "10,000 flaps are written down, no more");
  await t.pass(12_000, 4000);
  await until(() => well.heard.length === 3);
  const waiting = () => {
    const kept = JSON.parse(Deno.readTextFileSync(`${t.dir}/notify.json`));
    return Object.values(kept).map((one) => (one as { waiting: unknown[] }).waiting.length).sort();
  };
  await until(() => waiting()[0] === 0); // its last answer has come back, too
  await t.end();
  assert.deepEqual(waiting(), [0, 2], "llm and tts wait for the one that hangs");
  never.resolve(new Response());
  await hanging[Symbol.asyncDispose]();
});

Deno.test("what nobody could be told survives the program, and is told by the next one", async () => {
  const gone = receiver();
  await gone[Symbol.asyncDispose]();
  const first = await setUp([webhook(gone.url)]);
  first.note(fell("llm"), { fact: "stopping", reason: "boot failed", services: ["llm"] });
  await first.pass(0, 1);
  await first.clock.settle();
  await until(async () => /Cannot tell/.test(await first.log()));
  await first.end();
  assert.equal(Deno.statSync(`${first.dir}/notify.json`).mode! & 0o777, 0o600);
  await using back = receiver(undefined, gone.port);
  const second = await setUp([webhook(gone.url)], { state: first.dir });
  await until(() => back.heard.length === 1);
  await second.end();
  assert.deepEqual(back.titles(), ["llm is down"]);
  const third = await setUp([webhook(gone.url)], { state: first.dir });
  await third.end();
  assert.equal(back.heard.length, 1, "it was told");
});

Deno.test("flaps for hours: at most 6 messages in an hour, each with all since the last", async () => {
  await using server = receiver();
  const t = await setUp([webhook(server.url)]);
  const at: number[] = [];
  for (let flap = 0; flap < 300; flap++) { // the pure part does 10,000
    t.note(fell("llm"), up("llm"));
    await t.clock.advance(30_000);
    while (at.length < server.heard.length) at.push(t.clock.now());
    if (at.length < 8 || flap % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await t.end();
  assert.ok(at.length > 6 && at.length <= 18, `${at.length} in 2.5 hours`);
  assert.match(String(server.titles().at(-1)), /^llm went down \d+ times since/);
});

Deno.test("in the quiet hours nothing is told; when they are over, all of it in one message", async () => {
  await using server = receiver();
  const start = new FakeClock().wall();
  const minute = start.getHours() * 60 + start.getMinutes();
  const t = await setUp([webhook(server.url, { quiet: { from: minute, to: (minute + 60) % 1440 } })]);
  t.note(givenUp("llm"));
  await t.pass(600_000, 60_000);
  t.note(up("llm"));
  await t.pass(2_940_000, 60_000);
  assert.equal(server.heard.length, 0);
  await t.pass(60_000, 30_000);
  await until(() => server.heard.length === 1);
  await t.end();
  assert.deepEqual(server.titles(), ["llm went down, well again"]);
});

Deno.test("quietMs() knows nights that go over midnight", () => {
  const at = (hours: number, minutes: number) => new Date(2026, 5, 1, hours, minutes, 30);
  const night = { from: 22 * 60 + 30, to: 7 * 60 };
  assert.equal(quietMs(null, at(23, 0)), 0);
  assert.equal(quietMs(night, at(22, 29)), 0);
  assert.equal(quietMs(night, at(22, 30)), 8.5 * 3_600_000 - 30_000);
  assert.equal(quietMs(night, at(6, 59)), 30_000);
  assert.equal(quietMs(night, at(7, 0)), 0);
  assert.equal(quietMs({ from: 60, to: 60 }, at(1, 0)), 0, "no time at all");
});

Deno.test("a dead man's switch is asked as long as it runs, and gets no message", async () => {
  await using server = receiver();
  const to = { kind: "dead_man", urlSecret: server.url, everyMs: 60_000 } as const;
  const t = await setUp([{ to, quiet: null }]);
  t.note(givenUp("llm"));
  await t.pass(180_000, 60_000);
  await until(() => server.heard.length === 4);
  await t.end();
  assert.ok(server.heard.every(({ body }) => body.title === undefined));
});

Deno.test("no secret of the configuration is told to anybody", async () => {
  await using server = receiver();
  const t = await setUp([webhook(server.url)]);
  const reason = "cannot start: --api-key planted-secret was refused, password=hunter22";
  t.note(fell("llm", {
    fault: { kind: "spawn_failed", reason },
    verdict: { kind: "give_up", why: "planted-secret" },
  }));
  await t.pass(2000);
  await until(() => server.heard.length === 1);
  await t.end();
  const said = JSON.stringify(server.heard);
  assert.match(said, /cannot start/);
  assert.doesNotMatch(said, /planted-secret|hunter22|garage/);
});

withProcesses.test("a command gets title and text as words, is never a shell, and nothing of it is left", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "al" });
  const script = 'printf "%s|" "$@" >> "$0"; sleep 300 & exit "$(cat "$0.code")"';
  Deno.writeTextFileSync(`${dir}/out.code`, "1");
  const owned: number[] = [];
  const owner = {
    onSpawned: ({ pid }: { pid: number }) => void owned.push(pid),
    onGone: ({ pid }: { pid: number }) => void owned.splice(owned.indexOf(pid), 1),
  };
  const run: RunCommand = (argv, limits) => runCommand(argv, { ...limits, owner });
  const argv = ["sh", "-c", script, `${dir}/out`, "{kind}", "{title}", "$(id) {text}"];
  const t = await setUp([{ to: { kind: "exec", argv }, quiet: null }], { run });
  t.note(givenUp("llm"));
  await t.pass(2000);
  await until(async () => /Cannot tell exec sh: exit 1/.test(await t.log()));
  Deno.writeTextFileSync(`${dir}/out.code`, "0");
  await t.pass(5000);
  await until(async () => /exec sh is told again/.test(await t.log()));
  await t.end();
  const once = Deno.readTextFileSync(`${dir}/out`);
  assert.match(once, /^down\|llm is down\|\$\(id\) You are heard, but: llm failed\nllm: Killed/);
  assert.deepEqual(owned, [], "what it left in the background has gone");
});
