import assert from "node:assert/strict";
import {
  allStats,
  childPids,
  commandLine,
  describePid,
  environmentOf,
  family,
  groupMembers,
  isGone,
  listPids,
  machineBootId,
  processTree,
  readStat,
  userOf,
} from "../../../../lib/sys/process/procfs.ts";
import { start, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: () => void | Promise<void>) => withProcesses.test({ name, ignore, fn });
/** A number that no process has: the kernel's highest pid is 2^22. */
const nobody = 4_194_305;

test("readStat() tells who a process is, also under a name full of traps", async () => {
  const dir = Deno.makeTempDirSync();
  const trap = `${dir}/) R 1 (x`;
  Deno.copyFileSync(await where("sleep"), trap);
  try {
    await using process = start([trap, "300"]);
    const stat = await until(() => {
      const now = readStat(process.pid)!;
      return now.comm !== "deno" && now.state === "S" ? now : null;
    });
    assert.equal(stat.comm, ") R 1 (x");
    assert.equal(stat.ppid, Deno.pid);
    assert.equal(stat.pgrp, process.pid, "leader of its own group");
    assert.equal(stat.session, process.pid);
    assert.equal(stat.startTime, process.startTime);
    assert.ok(!isGone(stat));
    assert.ok(listPids().includes(process.pid));
    assert.equal(allStats().get(process.pid)?.comm, stat.comm);
    assert.deepEqual(groupMembers(process.pid).map(({ pid }) => pid), [process.pid]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

test("readStat() and the others answer nothing for a process that is not there", () => {
  assert.equal(readStat(nobody), null);
  assert.ok(isGone(null));
  assert.deepEqual(commandLine(nobody), []);
  assert.equal(environmentOf(nobody, "PATH"), null);
  assert.equal(userOf(nobody), null);
  assert.deepEqual(childPids(nobody), []);
  assert.deepEqual(family(nobody), []);
  assert.equal(describePid(nobody), `pid ${nobody} (gone)`);
});

test("isGone() counts a zombie as gone", () => {
  const stat = { ...readStat(Deno.pid)!, state: "Z" };
  assert.ok(isGone(stat));
  assert.ok(!isGone({ ...stat, state: "T" }), "a stopped process is there");
});

test("commandLine() and environmentOf() give words and values exactly", async () => {
  const env = { ALEXA_X: "a=b\nc", XALEXA_X: "no", EMPTY: "" };
  await using process = start(["sleep", "300"], { env });
  await until(() => commandLine(process.pid)[0]?.endsWith("sleep"));
  assert.deepEqual(commandLine(process.pid).slice(1), ["300"]);
  assert.equal(environmentOf(process.pid, "ALEXA_X"), "a=b\nc");
  assert.equal(environmentOf(process.pid, "EMPTY"), "");
  assert.equal(environmentOf(process.pid, "ALEXA"), null);
  assert.equal(userOf(process.pid), Deno.uid());
});

test("describePid() cuts long command lines and keeps control characters out of messages", async () => {
  await using long = start(["sh", "-c", "sleep 300; : \x1b[31m\n" + "x".repeat(300)]);
  const text = await until(() => describePid(long.pid).includes("sleep 300;") && describePid(long.pid));
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\x00-\x1f\x7f]/.test(text));
  assert.ok(text.endsWith("…)") && text.length < 160, text);
});

test("family() and processTree() follow children of children", async () => {
  const dir = Deno.makeTempDirSync();
  await using process = start(["sh", "-c", `sh -c 'sleep 300 & echo $! > ${dir}/pid; wait' & wait`]);
  try {
    const leaf = await until(() => {
      try {
        return Number(Deno.readTextFileSync(`${dir}/pid`)) || null;
      } catch {
        return null;
      }
    });
    const found = family(process.pid).map(({ pid }) => pid);
    assert.equal(found.length, 3);
    assert.ok(found.includes(leaf) && found.includes(process.pid));
    const tree = processTree([process.pid]);
    assert.deepEqual([...tree].sort(), found.sort());
    assert.equal(groupMembers(process.pid).length, 3);
    Deno.kill(-process.pid, "SIGKILL");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

test("machineBootId() is the kernel's", () => {
  assert.match(machineBootId(), /^[0-9a-f-]{36}$/);
});

async function where(program: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
  return Deno.realPathSync(new TextDecoder().decode(stdout).trim());
}
