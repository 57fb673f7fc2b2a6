import assert from "node:assert/strict";
import { checkOnce, never, probeOf, TestTarget } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

const patient = { signal: never, timeoutMs: 5000 };

Deno.test("log probe is ready by a line that comes, calls back once, and stays ready", async () => {
  const target = new TestTarget();
  using probe = probeOf({ type: "log", pattern: "listening on \\d+" }, target);
  let calls = 0;
  using _subscription = probe.onReady!(() => calls++);
  assert.deepEqual(await probe.check(patient), { state: "waiting", detail: "no matching line yet" });
  target.write("loading");
  target.write("listening on 5002");
  target.write("listening on 5003");
  assert.equal(calls, 1);
  assert.deepEqual(await probe.check(patient), { state: "ready", detail: `"listening on 5002"` });
  assert.equal(target.subscriptions, 0);
});

Deno.test("log probe sees lines that were kept from before it existed", async () => {
  const target = new TestTarget();
  target.kept = ["loading", "up"];
  using probe = probeOf({ type: "log", pattern: "^up$" }, target);
  assert.equal((await probe.check(patient)).state, "ready");
  assert.equal(target.subscriptions, 0);
});

Deno.test("R9: a pattern that would never come back from 45 characters answers at once", async () => {
  const target = new TestTarget();
  using probe = probeOf({ type: "log", pattern: "(a+)+$" }, target);
  assert.equal((await probe.check(patient)).state, "waiting");
  target.write("a".repeat(45) + "!");
  target.write("a".repeat(100_000) + "!");
  assert.equal((await probe.check(patient)).state, "ready", "a line is cut before it is matched");
});

Deno.test("log probe sees lines that are printed before its pattern is made", async () => {
  const target = new TestTarget();
  using probe = probeOf({ type: "log", pattern: "^up$" }, target);
  target.write("loading");
  target.write("up");
  assert.equal((await probe.check(patient)).state, "ready");
});

Deno.test("log probe is wrong with a pattern that cannot be matched in bounded time", async () => {
  const target = new TestTarget();
  for (const pattern of ["up(?=!)", "(a)\\1", "(?<x>a)\\k<x>", "(?:a{30}){40}b"]) {
    using probe = probeOf({ type: "log", pattern }, target);
    const result = await probe.check(patient);
    assert.deepEqual([result.state, / in the pattern$/.test(result.detail)], ["wrong", true], result.detail);
  }
  assert.equal(target.subscriptions, 0);
});

Deno.test("log probe leaves no subscription behind when it is disposed unmatched", () => {
  const target = new TestTarget();
  probeOf({ type: "log", pattern: "x" }, target)[Symbol.dispose]();
  assert.equal(target.subscriptions, 0);
});

Deno.test("notify probe is pushed", async () => {
  const target = new TestTarget();
  using probe = probeOf({ type: "notify" }, target);
  let calls = 0;
  using _subscription = probe.onReady!(() => calls++);
  assert.deepEqual(await probe.check(patient), { state: "waiting", detail: "no READY=1 yet" });
  target.notify();
  assert.equal(calls, 1);
  assert.deepEqual(await probe.check(patient), { state: "ready", detail: "READY=1" });
});

withProcesses.test("exec probe goes by the exit code, and quotes the last words", async () => {
  const exec = (script: string, timeoutMs = 5000) =>
    checkOnce({ type: "exec", cmd: ["sh", "-c", script], timeoutMs });
  assert.deepEqual(await exec("exit 0"), { state: "ready", detail: "exit 0" });
  assert.deepEqual(await exec("echo one; echo two >&2; exit 3"), { state: "waiting", detail: "exit 3: two" });
  assert.deepEqual(await exec("kill -KILL $$"), { state: "waiting", detail: "killed by SIGKILL" });
  assert.deepEqual(await exec("exec sleep 30", 80), { state: "timeout", detail: "no answer within 80 ms" });
  const missing = await checkOnce({ type: "exec", cmd: ["/nonexistent/probe"], timeoutMs: 1000 });
  assert.equal(missing.state, "wrong");
  assert.match(missing.detail, /^\/nonexistent\/probe cannot be run/);
});

withProcesses.test("exec probe rejects with the caller's reason, and its command is gone", async () => {
  using probe = probeOf({ type: "exec", cmd: ["sleep", "30"], timeoutMs: 5000 });
  const caller = new AbortController();
  const checking = probe.check({ signal: caller.signal, timeoutMs: 5000 });
  caller.abort(new Error("stop"));
  await assert.rejects(checking, /^Error: stop$/);
});
