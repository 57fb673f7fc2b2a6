/** What must hold whatever was done. Each check throws with what it saw. */
import assert from "node:assert/strict";
import type { LoaderStatus } from "../../lib/model/status.ts";
import { until } from "../support/loader_process.ts";
import { names } from "./assistant.ts";
import { guardiansOf, leadersOf, pause, type Seen, socketsIn, zombiesOf } from "./look.ts";
import type { World } from "./world.ts";

export const invariants = {
  rest: "everything comes to rest and status answers",
  copies: "one copy of each service that is up, none of what is not",
  left: "nothing left of an earlier copy or boot: processes, ports, sockets, zombies",
  guardian: "exactly one guardian, and none after the end",
  listening: "KWD listens whenever it is up",
  greeting: "at most one greeting and one SYSTEM_READY per boot",
  order: "no service is started before the one before it is warm",
  bystanders: "bystanders live",
  errors: "no internal error",
  exit: "an exit code that fits, never 1",
} as const;
export type Invariant = keyof typeof invariants;

export class BrokenInvariant extends Error {
  readonly invariant: string;

  constructor(invariant: Invariant, cause: unknown) {
    super(`${invariants[invariant]}: ${cause instanceof Error ? cause.stack : cause}`, { cause });
    this.invariant = invariants[invariant];
  }
}

/** @throws BrokenInvariant when `check` throws. */
export async function hold<T>(invariant: Invariant, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw error instanceof BrokenInvariant ? error : new BrokenInvariant(invariant, error);
  }
}

/** The loader runs and nothing moves. */
export async function checkRunning(world: World, status: LoaderStatus): Promise<void> {
  const loader = world.loader!;
  const seen = world.processes();
  await hold("copies", () => oneCopyEach(seen, status));
  await hold("left", () => nothingOld(seen, status));
  await hold(
    "guardian",
    () => until("exactly one guardian", () => guardiansOf(loader.pid).length === 1, undefined, 2000),
  );
  // An orphan that has ended is reaped with the next look at any service that is watched.
  if (status.services.some((service) => service.state === "up")) {
    const zombies = () => zombiesOf(loader.pid);
    await hold("left", () => until("no zombie", () => zombies().length === 0, () => `${zombies()}`, 4000));
  }
  await hold("listening", () => kwdListens(world, status));
  await everyBoot(world);
}

function oneCopyEach(seen: readonly Seen[], status: LoaderStatus): void {
  const leaders = leadersOf(seen);
  for (const service of status.services) {
    const copies = leaders.filter((p) => p.service === service.name).map((p) => p.pid);
    const wanted = service.state === "up" ? [service.pid] : [];
    assert.deepEqual(copies, wanted, `copies of ${service.name} (${service.state}): ${JSON.stringify(seen)}`);
  }
}

function nothingOld(seen: readonly Seen[], status: LoaderStatus): void {
  const pids = new Set(leadersOf(seen).map((p) => p.pid));
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
async function everyBoot(world: World): Promise<void> {
  const loader = world.loader!;
  // Of its boot's id the log has only the beginning; services that an earlier boot left may stamp at the same time.
  const boot = /, boot (\w+),/.exec(loader.lines[0]?.message ?? "")?.[1] ?? "none";
  const of = (name: typeof names[number], event: string) =>
    world.stampsOf(name).filter((s) => s.event === event && String(s.boot).startsWith(boot));
  await hold("greeting", () => {
    const greetings = of("tts", "speak").filter((s) => s.tag === "boot_greeting");
    assert.ok(greetings.length <= 1, `${greetings.length} greetings in one boot`);
    assert.ok(of("kwd", "system_ready").length <= 1, "KWD was told SYSTEM_READY twice");
  });
  await hold("order", () => {
    for (const [i, name] of names.entries()) {
      const before = names[i - 1];
      const [start] = of(name, "start");
      if (!before || !start || world.settings.standby === name) continue;
      const [warm] = of(before, "warm");
      const gaveUp = loader.messages(before.toUpperCase(), "ERROR").some((m) => m.includes("given up"));
      assert.ok(gaveUp || (warm && warm.t < start.t), `${name} was started before ${before} was warm`);
    }
  });
  await hold("bystanders", () => {
    for (const one of world.bystanders) assert.ok(one.alive, `a bystander died: ${one.commandLine}`);
  });
  await hold("errors", () => {
    for (const text of [...loader.errors, ...loader.lines.map((line) => line.text)]) {
      assert.doesNotMatch(text, /internal error|Uncaught|panicked|at file:\/\//);
    }
  });
}

/** The loader ended by itself or because it was asked to: with which exit code. */
export async function checkEnded(world: World): Promise<string> {
  let code: number;
  try {
    code = await world.loader!.exitCode;
  } catch (error) { // ended by the signal, as a program is that has not come to its first line
    if (world.ending === null || world.loader!.lines.length > 0) throw error;
    if (!world.orphaned) await hold("left", () => assert.deepEqual(world.processes(), []));
    return "ended before its first line";
  }
  await hold("exit", () => {
    const allowed = world.ending === null ? [4] : world.ending === "second signal" ? [0, 4, 130] : [0, 4];
    if (world.ending === null) assert.ok(world.settings.failFast || bootFailed(world), "it ended unasked");
    assert.ok(allowed.includes(code), `exit code ${code} (${world.ending})`);
  });
  await hold("left", async () => {
    assert.deepEqual(world.processes(), [], "processes are left");
    await world.allGone(0);
    // One that was stopped in its precheck has not come to what a killed one before it left in the folder.
    if (world.prechecked) assert.deepEqual(socketsIn(world.home.runtime), [], "socket files are left");
  });
  await hold("guardian", () => assert.deepEqual(guardiansOf(world.loader!.pid), [], "the guardian is left"));
  await everyBoot(world);
  return `all stopped, exit ${code}`;
}

function bootFailed(world: World): boolean {
  return world.loader!.messages("LOADER", "ERROR").some((m) => m.startsWith("boot failed"));
}

/** The loader was killed: its guardian ends the services. How long that took, ms. */
export async function checkKilled(world: World): Promise<number> {
  const ms = await hold("left", () => world.allGone(world.orphansLimitMs));
  for (let i = 0; i < 20 && guardiansOf(world.loader!.pid).length > 0; i++) await pause(100);
  await hold(
    "guardian",
    () => assert.deepEqual(guardiansOf(world.loader!.pid), [], "the guardian outlives what it guards"),
  );
  await everyBoot(world);
  return ms;
}
