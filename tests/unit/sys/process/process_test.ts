import assert from "node:assert/strict";
import {
  exitText,
  protectedPids,
  spawnChild,
  type SpawnOptions,
} from "../../../../lib/sys/process/process.ts";
import { isGone, readStat } from "../../../../lib/sys/process/procfs.ts";
import { until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const decoder = new TextDecoder();

function spawn(script: string, o: Partial<SpawnOptions> = {}) {
  const out: string[] = [], err: string[] = [];
  const child = spawnChild({
    argv: ["sh", "-c", script],
    env: { PATH: Deno.env.get("PATH")! },
    cwd: "/",
    stdin: "null",
    onStdout: (chunk) => void out.push(decoder.decode(chunk)),
    onStderr: (chunk) => void err.push(decoder.decode(chunk)),
    ...o,
  });
  return { child, text: () => out.join(""), errors: () => err.join("") };
}

withProcesses.test("spawnChild() leads a session and group of its own, with exactly the given environment and folder", async () => {
  const { child, text } = spawn("pwd; env | grep -v -e ^PWD -e ^SHLVL -e ^_ -e ^OLDPWD | sort; exit 3", {
    env: { PATH: Deno.env.get("PATH")!, ONLY: "this" },
  });
  const stat = readStat(child.pid);
  if (stat) {
    assert.equal(stat.pgrp, child.pid);
    assert.equal(stat.session, child.pid);
    assert.equal(stat.startTime, child.startTime);
  }
  assert.deepEqual(await child.exited, { code: 3, signal: null });
  await child.drained;
  await child.closeOutput();
  assert.equal(text(), `/\nONLY=this\nPATH=${Deno.env.get("PATH")}\n`);
});

withProcesses.test("spawnChild() tells the signal by which the leader ended", async () => {
  const { child } = spawn("kill -KILL $$");
  assert.deepEqual(await child.exited, { code: null, signal: "SIGKILL" });
  await child.closeOutput();
});

withProcesses.test("spawnChild() pumps both streams, also floods, without losing a byte", async () => {
  let bytes = 0;
  const { child, errors } = spawn("head -c 3000000 /dev/zero; echo oops >&2", {
    onStdout: (chunk) => void (bytes += chunk.length),
  });
  await child.drained;
  await child.exited;
  await child.closeOutput();
  assert.equal(bytes, 3_000_000);
  assert.equal(errors(), "oops\n");
});

withProcesses.test("spawnChild() feeds one line to a child that waits for it", async () => {
  const { child, text } = spawn('read word; echo "got $word"; read again || echo eof', { stdin: "piped" });
  await child.tell("start");
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  await child.drained;
  await child.closeOutput();
  assert.equal(text(), "got start\neof\n");
});

withProcesses.test("closeOutput() lets go of pipes that a helper of the dead leader still holds", async () => {
  const { child, text } = spawn("sleep 300 & echo $!");
  await child.exited;
  const helper = Number(await until(() => text().trim()));
  let drained = false;
  void child.drained.then(() => drained = true);
  await Promise.resolve();
  assert.equal(drained, false, "the helper holds the pipe");
  await child.closeOutput();
  assert.equal(drained, true);
  Deno.kill(helper, "SIGKILL");
  await until(() => isGone(readStat(helper)));
});

withProcesses.test("closeOutput() closes the input of a child that was never told anything", async () => {
  const { child } = spawn("read word", { stdin: "piped" });
  Deno.kill(-child.pid, "SIGKILL");
  await child.exited;
  await child.closeOutput();
});

Deno.test("spawnChild() throws when there is nothing to start, or no folder to start it in", () => {
  assert.throws(() => spawn("", { argv: ["/no/such/program"] }));
  assert.throws(() => spawn("true", { cwd: "/no/such/folder" }));
});

Deno.test("exitText() has a word for every end", () => {
  assert.equal(exitText({ code: 0, signal: null }), "exit 0");
  assert.equal(exitText({ code: 137, signal: null }), "exit 137");
  assert.equal(exitText({ code: null, signal: "SIGSEGV" }), "SIGSEGV");
  assert.equal(exitText({ code: null, signal: null }), "ended");
});

Deno.test("protectedPids() has pid 1, ourselves and our ancestors", () => {
  const pids = protectedPids();
  assert.ok(pids.has(1) && pids.has(Deno.pid) && pids.has(Deno.ppid));
});
