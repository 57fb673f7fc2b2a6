/** What must hold whatever was done. Each check throws with what it saw. */
import assert from "node:assert/strict";
import type { LoaderStatus } from "../../lib/run/status.ts";
import { until } from "../support/loader_process.ts";
import { names } from "./assistant.ts";
import { guardiansOf, leadersOf, pause, socketsIn, zombiesOf } from "./look.ts";
import type { World } from "./world.ts";

/** The loader runs and nothing moves. */
export async function checkRunning(world: World, status: LoaderStatus): Promise<void> {
  const loader = world.loader!;
  oneCopyEach(world, status);
  await until("exactly one guardian", () => guardiansOf(loader.pid).length === 1, undefined, 2000);
  // An orphan that has ended is reaped with the next look at any service that is watched.
  if (status.services.some((service) => service.state === "up")) {
    await until(
      "no zombie",
      () => zombiesOf(loader.pid).length === 0,
      () => `${zombiesOf(loader.pid)}`,
      4000,
    );
  }
  await kwdListens(world, status);
  everyBoot(world);
}

/** One copy of what is up, none of what is not, and nothing that an earlier copy or an earlier boot has left. */
function oneCopyEach(world: World, status: LoaderStatus): void {
  const seen = world.processes();
  const leaders = leadersOf(seen);
  for (const service of status.services) {
    const copies = leaders.filter((p) => p.service === service.name).map((p) => p.pid);
    const wanted = service.state === "up" ? [service.pid] : [];
    assert.deepEqual(copies, wanted, `copies of ${service.name} (${service.state}): ${JSON.stringify(seen)}`);
  }
  const pids = new Set(leaders.map((p) => p.pid));
  for (const p of seen) {
    assert.equal(p.boot, status.boot, `a process of another boot: ${JSON.stringify(p)}`);
    if (!p.leader && !pids.has(p.startedBy ?? p.pid)) {
      assert.fail(`its copy is gone, it is not: ${JSON.stringify(p)}`);
    }
  }
}

async function kwdListens(world: World, status: LoaderStatus): Promise<void> {
  if (status.services.find((service) => service.name === "kwd")?.state !== "up") return;
  const answer = await fetch(`http://127.0.0.1:${world.ports.kwd}/control/state`, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(1000),
  });
  assert.deepEqual(await answer.json(), { paused: false, reasons: [] }, "KWD is up and does not listen");
}

/** True of the loader's boot, running or over. */
function everyBoot(world: World): void {
  const loader = world.loader!;
  // Of its boot's id the log has only the beginning; services that an earlier boot left may stamp at the same time.
  const boot = /, boot (\w+),/.exec(loader.lines[0]?.message ?? "")?.[1] ?? "none";
  const of = (name: typeof names[number], event: string) =>
    world.stampsOf(name).filter((s) => s.event === event && String(s.boot).startsWith(boot));
  const greetings = of("tts", "speak").filter((s) => s.tag === "boot_greeting");
  assert.ok(greetings.length <= 1, `${greetings.length} greetings in one boot`);
  assert.ok(of("kwd", "system_ready").length <= 1, "KWD was told SYSTEM_READY twice");
  for (const [i, name] of names.entries()) {
    const before = names[i - 1];
    const [start] = of(name, "start");
    if (!before || !start || world.settings.standby === name) continue;
    const [warm] = of(before, "warm");
    const gaveUp = loader.messages(before.toUpperCase(), "ERROR").some((m) => m.includes("given up"));
    assert.ok(gaveUp || (warm && warm.t < start.t), `${name} was started before ${before} was warm`);
  }
  for (const one of world.bystanders) assert.ok(one.alive, `a bystander died: ${one.commandLine}`);
  for (const text of [...loader.errors, ...loader.lines.map((line) => line.text)]) {
    assert.doesNotMatch(text, /internal error|Uncaught|panicked|at file:\/\//);
  }
}

/** The loader ended by itself or because it was asked to: with which exit code. */
export async function checkEnded(world: World): Promise<string> {
  let code: number;
  try {
    code = await world.loader!.exitCode;
  } catch (error) { // ended by the signal, as a program is that has not come to its first line
    if (world.ending === null || world.loader!.lines.length > 0) throw error;
    if (!world.orphaned) assert.deepEqual(world.processes(), [], "processes are left");
    return "ended before its first line";
  }
  const allowed = world.ending === null ? [4] : world.ending === "second signal" ? [0, 4, 130] : [0, 4];
  if (world.ending === null) assert.ok(world.settings.failFast || bootFailed(world), "it ended unasked");
  assert.ok(allowed.includes(code), `exit code ${code} (${world.ending})`);
  const left = world.processes();
  assert.deepEqual(left, [], "processes are left");
  await world.allGone(0);
  // One that was stopped in its precheck has not come to what a killed one before it left in the folder.
  if (world.prechecked) assert.deepEqual(socketsIn(world.home.runtime), [], "socket files are left");
  assert.deepEqual(guardiansOf(world.loader!.pid), [], "the guardian is left");
  everyBoot(world);
  return `all stopped, exit ${code}`;
}

function bootFailed(world: World): boolean {
  return world.loader!.messages("LOADER", "ERROR").some((m) => m.startsWith("boot failed"));
}

/** The loader was killed: its guardian ends the services. How long that took, ms. */
export async function checkKilled(world: World): Promise<number> {
  const ms = await world.allGone(world.orphansLimitMs);
  for (let i = 0; i < 20 && guardiansOf(world.loader!.pid).length > 0; i++) await pause(100);
  assert.deepEqual(guardiansOf(world.loader!.pid), [], "the guardian outlives what it guards");
  everyBoot(world);
  return ms;
}
