import assert from "node:assert/strict";
import { isAlive, livingMembers, signalGroup, signalProcess } from "../../../../lib/sys/process/group.ts";
import { isGone, readStat } from "../../../../lib/sys/process/procfs.ts";
import { bystander, start, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: () => Promise<void>) => withProcesses.test({ name, ignore, fn });

test("signalGroup() reaches every process of the group and nobody else", async () => {
  await using other = bystander();
  await using group = start(["sh", "-c", "sleep 300 & sleep 300 & wait"]);
  await until(() => livingMembers(group.pid).length === 3);
  const members = livingMembers(group.pid).map(({ pid }) => pid);
  assert.equal(signalGroup(group.pid, "SIGKILL"), true);
  await until(() => livingMembers(group.pid).length === 0);
  assert.ok(members.every((pid) => isGone(readStat(pid))));
  assert.ok(other.alive);
});

test("signalGroup() refuses the groups that would be everybody", async () => {
  await using other = bystander();
  for (const pgid of [1, 0, -1]) assert.equal(signalGroup(pgid, "SIGKILL"), false);
  const { pid, pgrp, startTime } = readStat(Deno.pid)!;
  assert.equal(signalGroup(pgrp, "SIGCONT"), false, "never our own");
  assert.equal(signalProcess({ pid, startTime }, "SIGCONT"), false, "never ourselves");
  assert.equal(signalGroup(4_194_305, "SIGTERM"), false, "there is no such group");
  assert.ok(other.alive);
});

test("signalProcess() signals only the process that is meant: pid and start time", async () => {
  await using process = bystander();
  const { pid, startTime } = process;
  assert.ok(isAlive({ pid, startTime }));
  for (const wrong of [startTime + 1, startTime - 1]) {
    assert.ok(!isAlive({ pid, startTime: wrong }), "somebody else has the number now");
    assert.equal(signalProcess({ pid, startTime: wrong }, "SIGKILL"), false);
  }
  assert.ok(process.alive, "a wrong start time is never signalled");
  assert.equal(signalProcess({ pid: 1, startTime: readStat(1)!.startTime }, "SIGKILL"), false, "never pid 1");
  assert.equal(signalProcess({ pid: -pid, startTime: 0 }, "SIGKILL"), false, "never a group by mistake");
  assert.equal(signalProcess({ pid, startTime }, "SIGKILL"), true);
  await until(() => !process.alive);
  assert.equal(signalProcess({ pid, startTime }, "SIGKILL"), false);
});

test("livingMembers() does not count zombies", async () => {
  // The shell does not wait for its child: it stays a zombie of the group until the shell ends.
  await using group = start(["sh", "-c", "sleep 0 & exec sleep 300"]);
  const zombie = await until(() => {
    const members = livingMembers(group.pid);
    return members.length === 1 && readStat(group.pid)?.comm === "sleep";
  });
  assert.ok(zombie);
});
