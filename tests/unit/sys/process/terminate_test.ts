import assert from "node:assert/strict";
import { terminate, type Victim } from "../../../../lib/sys/process/terminate.ts";
import { systemClock } from "../../../../lib/sys/clock.ts";
import {
  family,
  groupMembers,
  isGone,
  type ProcessStat,
  readStat,
} from "../../../../lib/sys/process/procfs.ts";
import { bystander, read, start, type Stranger, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: (dir: string) => Promise<void>) =>
  withProcesses.test({
    name,
    ignore,
    async fn() {
      const dir = Deno.makeTempDirSync();
      try {
        await fn(dir);
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });

/** Everybody in its group, or below its leader. */
const living = (pid: number): ProcessStat[] => {
  const all = new Map([...groupMembers(pid), ...family(pid)].map((stat) => [stat.pid, stat]));
  return [...all.values()];
};
const victim = (process: Stranger, patch: Partial<Victim> = {}): Victim => ({
  pgid: process.pid,
  exited: null,
  living: () => living(process.pid),
  ...patch,
});
const options = { clock: systemClock, stopSignal: "SIGTERM" as const, graceMs: 5000 };

async function timed<T>(promise: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await promise, performance.now() - began];
}

test("terminate() asks with the stop signal and does not kill who goes", async (dir) => {
  const script =
    `trap 'echo int > ${dir}/told; exit 0' INT; trap '' TERM; echo > ${dir}/up; while :; do sleep 0.01; done`;
  await using process = start(["sh", "-c", script]);
  await until(() => read(`${dir}/up`));
  const [result, ms] = await timed(terminate(victim(process), { ...options, stopSignal: "SIGINT" }));
  assert.deepEqual(result, { killed: false, left: [] });
  assert.equal(read(`${dir}/told`), "int\n");
  assert.ok(ms < 2000, "it did not wait for the grace's end");
});

test("terminate() kills a child that ignores TERM, after its grace and not before", async (dir) => {
  await using process = start(["sh", "-c", `trap '' TERM; echo > ${dir}/up; while :; do sleep 1; done`]);
  await until(() => read(`${dir}/up`));
  const [result, ms] = await timed(terminate(victim(process), { ...options, graceMs: 300 }));
  assert.deepEqual(result, { killed: true, left: [] });
  assert.ok(ms >= 280 && ms < 2500, `${ms}`); // timers may be early by a few ms
  assert.deepEqual(living(process.pid), []);
});

test("terminate() wakes a stopped process, so that it can take the request", async (dir) => {
  // It waits without starting anybody: stopped in the middle of a vfork it would show as D, not as T.
  const script =
    `trap 'echo term > ${dir}/told; exit 0' TERM; sleep 300 & echo > ${dir}/up; while :; do wait; done`;
  await using process = start(["sh", "-c", script]);
  await until(() => read(`${dir}/up`));
  Deno.kill(-process.pid, "SIGSTOP");
  // Both: its child may stop a moment later, and a look at all processes may miss one meanwhile.
  await until(() => living(process.pid).filter((stat) => stat.state === "T").length === 2);
  assert.deepEqual(await terminate(victim(process), options), { killed: false, left: [] });
  assert.equal(read(`${dir}/told`), "term\n");
});

test("Q6: a process that is stopped during its grace is woken to take the request", async (dir) => {
  const script =
    `trap 'echo > ${dir}/asked' TERM; echo > ${dir}/up; while ! test -e ${dir}/go; do sleep 0.01; done`;
  await using process = start(["sh", "-c", script]);
  await until(() => read(`${dir}/up`));
  const stopping = terminate(victim(process), { ...options, graceMs: 60_000 });
  await until(() => read(`${dir}/asked`)); // it is busy with its end, and somebody stops it now
  Deno.kill(process.pid, "SIGSTOP");
  Deno.writeTextFileSync(`${dir}/go`, "");
  assert.deepEqual(await stopping, { killed: false, left: [] });
});

test("Q5: a process that shows group 0, as in a PID namespace, is signalled by itself", async () => {
  await using inNamespace = bystander();
  const living = () => {
    const stat = readStat(inNamespace.pid);
    return stat === null || isGone(stat) ? [] : [{ ...stat, pgrp: 0, session: 0 }];
  };
  const result = await terminate({ pgid: 0, exited: null, living }, options);
  assert.deepEqual(result, { killed: false, left: [] });
  assert.ok(!inNamespace.alive);
});

test("terminate() kills a stopped process that ignores TERM", async (dir) => {
  await using process = start(["sh", "-c", `trap '' TERM; echo > ${dir}/up; while :; do sleep 1; done`]);
  await until(() => read(`${dir}/up`));
  Deno.kill(-process.pid, "SIGSTOP");
  assert.equal((await terminate(victim(process), { ...options, graceMs: 50 })).killed, true);
  assert.deepEqual(living(process.pid), []);
});

test("terminate() gets children that are forked after the signal", async (dir) => {
  // On TERM the leader leaves a helper in its group and goes.
  const script =
    `trap 'sleep 300 & echo $! > ${dir}/late; exit 0' TERM; echo > ${dir}/up; while :; do sleep 0.01; done`;
  await using process = start(["sh", "-c", script]);
  await until(() => read(`${dir}/up`));
  const result = await terminate(victim(process), options);
  assert.deepEqual(result, { killed: false, left: [] });
  assert.ok(isGone(readStat(Number(read(`${dir}/late`)))));
});

test("terminate() tells each process once: the leader is not asked again when somebody appears late", async (dir) => {
  const script = `n=0; trap 'n=$((n+1)); echo $n > ${dir}/told; test $n = 1 && { sleep 300 & }' TERM; ` +
    `echo > ${dir}/up; while ! test -e ${dir}/go; do sleep 0.01; done`;
  await using process = start(["sh", "-c", script]);
  await until(() => read(`${dir}/up`));
  const stopping = terminate(victim(process), options);
  await until(() => read(`${dir}/told`));
  await new Promise((resolve) => setTimeout(resolve, 150)); // a dozen looks at its short-lived helpers
  Deno.writeTextFileSync(`${dir}/go`, "");
  assert.deepEqual(await stopping, { killed: false, left: [] });
  assert.equal(read(`${dir}/told`), "1\n");
});

test("terminate() does not take the leader's end for the group's", async (dir) => {
  const script = `sh -c "trap '' TERM; echo \\$\\$ > ${dir}/member; while :; do sleep 1; done" & wait`;
  await using process = start(["sh", "-c", script]);
  const member = await until(() => Number(read(`${dir}/member`)) || null);
  const result = await terminate(victim(process), { ...options, graceMs: 300 });
  assert.equal(result.killed, true);
  assert.ok(isGone(readStat(member)));
});

test("terminate() reaches those outside the group one by one, each only if it is still itself", async () => {
  await using leader = bystander();
  await using outside = bystander();
  await using innocent = bystander();
  // A look that is out of date: the number belongs to somebody who started at another time.
  const stale = { ...readStat(innocent.pid)!, startTime: innocent.startTime - 1 };
  let looks = 0;
  const who = () => {
    const here = [leader, outside].map(({ pid }) => readStat(pid)!).filter((stat) => !isGone(stat));
    return looks++ < 3 ? [...here, stale] : here;
  };
  const result = await terminate(victim(leader, { living: who }), options);
  assert.deepEqual(result, { killed: false, left: [] });
  assert.ok(!leader.alive && !outside.alive);
  assert.ok(innocent.alive, "a wrong start time is never signalled");
});

test("terminate() in a hurry kills at once, also when the force comes later", async (dir) => {
  for (const when of ["before", "during"]) {
    const up = `${dir}/${when}`;
    await using process = start(["sh", "-c", `trap '' TERM; echo > ${up}; while :; do sleep 1; done`]);
    await until(() => read(up));
    const force = new AbortController();
    if (when === "before") force.abort();
    const stopping = timed(terminate(victim(process), { ...options, graceMs: 60_000, force: force.signal }));
    force.abort();
    const [result, ms] = await stopping;
    assert.equal(result.killed, true);
    assert.ok(ms < 2000, `${ms}`);
  }
});

test("terminate() of somebody who is gone already does nothing", async () => {
  const result = await terminate({ pgid: 4_194_305, exited: null, living: () => [] }, options);
  assert.deepEqual(result, { killed: false, left: [] });
});

test("terminate() leaves no listener behind, however often it looks", async () => {
  await using process = start(["sh", "-c", "trap '' TERM; while :; do sleep 0.01; done"]);
  const force = new AbortController().signal;
  let listeners = 0, most = 0;
  const add = force.addEventListener.bind(force), remove = force.removeEventListener.bind(force);
  force.addEventListener = (...args: Parameters<typeof add>) => {
    most = Math.max(most, ++listeners);
    add(...args);
  };
  force.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await terminate(victim(process), { ...options, graceMs: 300, force });
  assert.deepEqual([listeners, most], [0, 1]);
});
