/**
 * Checks of process-wide things (child subreaper, reaping) in a process of their own, since test files share one.
 * Prints one JSON object. SCENARIO as first argument.
 */
import type { ServicePlan } from "../../lib/model/plan.ts";
import { ManagedService } from "../../lib/services/mod.ts";
import { isAlive } from "../../lib/sys/process/group.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { Log } from "../../lib/log/mod.ts";
import { allStats, isGone, readStat } from "../../lib/sys/process/procfs.ts";
import {
  becomeSubreaper,
  inheritedChildren,
  noteRuntimeChild,
  reapInherited,
} from "../../lib/sys/process/reaper.ts";
import { servicePlan, testContext } from "./fake_service.ts";
import { read, until } from "./strangers.ts";

const dir = Deno.makeTempDirSync();
const path = (name: string) => `${dir}/${name}`;
const pidFrom = (name: string) => until(() => Number(read(path(name))) || null);

function service(script: string, patch: Partial<ServicePlan> = {}): ManagedService {
  const log = new Log({ dir: null, console: null });
  const context = testContext({
    bootId: "reaper-test",
    clock: systemClock,
    log,
    environment: { PATH: Deno.env.get("PATH")!, DIR: dir },
    runtimeDir: path("run"),
  });
  return new ManagedService(
    servicePlan("stt", { argv: ["sh", "-c", script], workdir: dir, graceMs: 2000, ...patch }),
    context,
  );
}

/** Its daemon has a session of its own and a parent that ended: only the subreaper and the environment tell of it. */
const daemoniser =
  "setsid sh -c 'sleep 300 & echo $! > $DIR/daemon' & sleep 300 & echo $! > $DIR/member; wait";

const scenarios: Record<string, () => Promise<unknown>> = {
  async daemon() {
    const subreaper = becomeSubreaper();
    await using it = service(daemoniser);
    await it.start();
    const daemon = await pidFrom("daemon"), member = await pidFrom("member");
    await until(() => readStat(daemon)?.ppid === Deno.pid); // its parent has ended
    const outside = readStat(daemon)!.pgrp !== it.copy!.pgid;
    const tree = it.copy!.processTree();
    const report = await it.stop();
    return {
      subreaper,
      outside,
      found: tree.has(daemon) && tree.has(member) && tree.has(it.copy?.pid ?? [...tree][0]!),
      left: report.left,
      killed: report.killed,
      gone: [daemon, member].every((pid) => isGone(readStat(pid))),
    };
  },

  async leaderless() {
    becomeSubreaper();
    await using it = service("sleep 300 & echo $! > $DIR/member; exit 0");
    await it.start();
    const copy = it.copy!;
    const member = await pidFrom("member");
    await copy.exited;
    const living = copy.living().map((stat) => stat.pid);
    const running = copy.running;
    await it.stop();
    return { running, found: living.includes(member), gone: isGone(readStat(member)) };
  },

  async zombies() {
    becomeSubreaper();
    const parent = new Deno.Command("sh", {
      args: ["-c", "for i in 1 2 3; do (sleep 0.05 &) ; done"],
      detached: true,
    }).spawn();
    noteRuntimeChild(parent.pid, parent.status);
    await parent.status;
    const inherited = await until(() => {
      const all = inheritedChildren();
      return all.length === 3 ? all.map((stat) => stat.pid) : null;
    });
    const living = reapInherited().length;
    await until(() => inherited.every((pid) => isGone(readStat(pid))));
    await until(() => (reapInherited(), inherited.every((pid) => readStat(pid) === null)));
    return { living, left: inheritedChildren().length };
  },

  /** A program that embeds us has children of its own, which it never told us of. */
  async embedder() {
    const codes: number[] = [];
    for (let i = 0; i < 20; i++) {
      const child = new Deno.Command("sh", { args: ["-c", `exit ${i}`] }).spawn();
      const end = performance.now() + 10;
      while (performance.now() < end) reapInherited();
      codes.push((await child.status).code);
    }
    return { codes };
  },

  /** A standby that has died, but whose end nobody has told: what it left must go before another starts. */
  async standby() {
    becomeSubreaper();
    await using it = service(
      'if [ -n "$ALEXA_STANDBY" ]; then sleep 300 & echo $! > $DIR/helper; exec sleep 300; else exec sleep 300; fi',
      { prepare: { files: false, standby: true, globs: [], tokenizers: false } },
    );
    const abort = new AbortController();
    const preparing = it.prepareAsync(abort.signal);
    const first = it.copy!;
    const helper = await pidFrom("helper");
    Deno.kill(first.pid, "SIGKILL");
    while (!isGone(readStat(first.pid))) { /* the kernel's part, without a turn of the event loop */ }
    const untold = first.status === null;
    await it.start();
    const report = await preparing;
    const second = it.copy!;
    const result = {
      untold,
      fresh: second !== first && isAlive(second) && !second.held,
      helperGone: isGone(readStat(helper)),
      problem: report.problem,
    };
    await it.stop();
    return result;
  },
};

const result = await scenarios[Deno.args[0]!]!();
Deno.removeSync(dir, { recursive: true });
console.log(JSON.stringify(result));
// Nothing that carries our mark may survive, whatever the scenario found.
for (const stat of allStats().values()) {
  if (stat.ppid === Deno.pid && !isGone(stat)) Deno.kill(stat.pid, "SIGKILL");
}
Deno.exit(0);
