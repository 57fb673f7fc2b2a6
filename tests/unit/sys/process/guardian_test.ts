import assert from "node:assert/strict";
import { startGuardian } from "../../../../lib/sys/process/guardian.ts";
import { allStats, environmentOf, isGone, readStat } from "../../../../lib/sys/process/procfs.ts";
import { randomHex } from "../../../../lib/sys/host.ts";
import { bystander, read, start, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const loader = new URL("../../../support/guarded_loader.ts", import.meta.url).pathname;
const graceMs = 400;
const linux = Deno.build.os === "linux";

/** Runs a loader with services until they all are up. */
async function guardedLoader(bootId: string) {
  const dir = Deno.makeTempDirSync();
  const args = ["run", "-A", "--quiet", "--unstable-net", loader, bootId, `${graceMs}`, dir];
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn();
  type Pids = { guardian: number; services: Record<string, number>; strangers: Record<string, number> };
  const pids = JSON.parse(await until(() => read(`${dir}/pids`))) as Pids;
  for (const name of ["member", "hidden"]) pids.services[name] = Number(read(`${dir}/${name}`));
  return { dir, process, ...pids };
}

const livesOf = (pids: number[]) => pids.filter((pid) => !isGone(readStat(pid)));
const carriers = (bootId: string) =>
  [...allStats().values()].filter((s) => !isGone(s) && environmentOf(s.pid, "ALEXA_BOOT_ID") === bootId)
    .map((s) => s.pid);

withProcesses.test({
  name: "startGuardian() stops every process of a loader that was killed, and nobody else",
  ignore: !linux,
  async fn() {
    const bootId = randomHex(12);
    await using longer = bystander({ ALEXA_BOOT_ID: bootId + "0" });
    await using text = bystander({ NOTE: `x\nALEXA_BOOT_ID=${bootId}` });
    await using named = bystander({ XALEXA_BOOT_ID: bootId });
    const { dir, process, guardian, services, strangers } = await guardedLoader(bootId);
    try {
      await until(() => carriers(bootId).length >= 7); // polite, deaf, stopped, unnoted, parent, the member and the daemon
      const all = [...new Set([...Object.values(services), ...carriers(bootId)])];
      process.kill("SIGKILL");
      await process.status;
      const killed = performance.now();
      await until(() => livesOf(all).length === 0); // how soon: e2e/guardian_test
      assert.ok(performance.now() - killed >= graceMs - 50, "the deaf one had its grace");
      assert.deepEqual(carriers(bootId), []);
      assert.equal(read(`${dir}/polite`), "term\n");
      assert.equal(read(`${dir}/stopped`), "term\n", "a stopped process is woken to take the request");
      await until(() => isGone(readStat(guardian)));
      assert.ok(longer.alive && text.alive && named.alive, "strangers live");
      for (const [name, pid] of Object.entries(strangers)) {
        assert.deepEqual(livesOf([pid]), [pid], `${name} is nobody's business (any more)`);
      }
    } finally {
      const all = [guardian, ...Object.values({ ...services, ...strangers }), ...carriers(bootId)];
      for (const pid of livesOf(all)) Deno.kill(pid, "SIGKILL");
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

withProcesses.test({
  name: "startGuardian() ends as soon as everybody is gone, without using up the grace",
  ignore: !linux,
  async fn() {
    const bootId = randomHex(12);
    const code = `
      import { startGuardian } from ${
      JSON.stringify(new URL("../../../../lib/sys/process/guardian.ts", import.meta.url).href)
    };
      const guardian = startGuardian({ bootId: "${bootId}", graceMs: 60000, onDied() {} });
      const child = new Deno.Command("sleep", { args: ["300"], env: { ALEXA_BOOT_ID: "${bootId}" }, detached: true }).spawn();
      guardian.note({ pid: child.pid, startTime: 0 });
      setTimeout(() => { console.log(guardian.pid, child.pid); }, 50);
      setTimeout(() => {}, 60000);`;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", code],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.getReader();
    const { value } = await reader.read();
    const [guardian, child] = new TextDecoder().decode(value).trim().split(" ").map(Number);
    process.kill("SIGKILL");
    await process.status;
    await reader.cancel();
    await until(() => livesOf([child!, guardian!]).length === 0, 5000);
  },
});

withProcesses.test({
  name: "startGuardian() stops nobody when it is told goodbye",
  ignore: !linux,
  async fn() {
    const bootId = randomHex(12);
    await using service = start(["sleep", "300"], { env: { ALEXA_BOOT_ID: bootId } });
    const died: string[] = [];
    const guardian = startGuardian({ bootId, graceMs: 0, onDied: (reason) => died.push(reason) });
    guardian.note(service);
    await guardian[Symbol.asyncDispose]();
    await guardian[Symbol.asyncDispose]();
    assert.ok(isGone(readStat(guardian.pid)));
    assert.ok(service.alive);
    assert.deepEqual(died, []);
  },
});

withProcesses.test({
  name: "startGuardian() says when its helper was killed, and takes lines all the same",
  ignore: !linux,
  async fn() {
    const died = Promise.withResolvers<string>();
    await using guardian = startGuardian({ bootId: "a-1", graceMs: 0, onDied: died.resolve });
    Deno.kill(guardian.pid, "SIGKILL");
    for (let pid = 1000; pid < 1100; pid++) guardian.note({ pid, startTime: 1 });
    assert.equal(await died.promise, "SIGKILL");
    guardian.forget({ pid: 1000, startTime: 1 });
  },
});

withProcesses.test({
  name: "startGuardian() ends a helper that does not read, rather than to remember without bound",
  ignore: !linux,
  async fn() {
    let reason: string | null = null;
    await using guardian = startGuardian({ bootId: "a-1", graceMs: 0, onDied: (why) => reason = why });
    const flood = async () => {
      for (let batch = 0; batch < 150 && reason === null; batch++) { // 150,000 bytes: more than a pipe holds
        for (let i = 0; i < 100; i++) guardian.forget({ pid: 4_000_000, startTime: 1 });
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    };
    await flood();
    assert.equal(reason, null, "one that reads may be told as much as there is");
    Deno.kill(guardian.pid, "SIGSTOP");
    await flood();
    assert.equal(await until(() => reason), "SIGKILL");
  },
});

withProcesses.test({
  name:
    "startGuardian() ignores what a terminal or a stopped unit sends, and ends at goodbye even when it is frozen",
  ignore: !linux,
  async fn() {
    const died: string[] = [];
    const guardian = startGuardian({ bootId: "a-1", graceMs: 0, onDied: (reason) => died.push(reason) });
    await until(() => ignoresTerm(guardian.pid));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) Deno.kill(guardian.pid, signal);
    const stat = readStat(guardian.pid)!;
    assert.equal(stat.session, guardian.pid, "it has a session of its own");
    assert.equal(environmentOf(guardian.pid, "ALEXA_BOOT_ID"), null);
    Deno.kill(guardian.pid, "SIGSTOP");
    await guardian[Symbol.asyncDispose]();
    assert.ok(isGone(readStat(guardian.pid)));
    assert.deepEqual(died, []);
  },
});

function ignoresTerm(pid: number): boolean {
  const mask = /^SigIgn:\s+([0-9a-f]+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1];
  return (BigInt("0x" + mask) >> 14n & 1n) === 1n;
}

Deno.test("startGuardian() refuses a boot id that other text could be taken for", () => {
  for (const bootId of ["", "a b", "a*", "$(id)", "a\n"]) {
    assert.throws(() => startGuardian({ bootId, graceMs: 0, onDied() {} }), /not a boot id/);
  }
});
