/**
 * A loader of the smallest kind: a guardian and services of every sort, in whose middle it is killed. BOOT GRACE_MS DIR;
 * writes the pids it has started to DIR/pids as JSON.
 */
import { startGuardian } from "../../lib/sys/process/guardian.ts";
import { readStat } from "../../lib/sys/process/procfs.ts";

const [bootId = "", graceMs, dir = ""] = Deno.args;
const guardian = startGuardian({ bootId, graceMs: Number(graceMs), onDied: () => Deno.exit(9) });

const identity = (pid: number) => ({ pid, startTime: readStat(pid)!.startTime });

function service(script: string, env: Record<string, string> = { ALEXA_BOOT_ID: bootId }): number {
  return new Deno.Command("sh", {
    args: ["-c", script],
    env: { ...env, DIR: dir },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn().pid;
}
const path = `PATH='${Deno.env.get("PATH")}';`;

const polite = service(
  `${path} trap 'echo term > $DIR/polite; exit' TERM; echo > $DIR/polite_up; while :; do sleep 0.02; done`,
);
const deaf = service(`${path} trap '' TERM; echo > $DIR/deaf_up; while :; do sleep 1; done`);
const stopped = service(
  `${path} trap 'echo term > $DIR/stopped; exit' TERM; echo > $DIR/stopped_up; while :; do sleep 0.02; done`,
);
// Its leader ends at once; what it leaves is in its group, and one more in a session of its own.
const leaderless = service(`${path} sleep 300 & echo $! > $DIR/member; setsid sleep 300 & exit 0`);
const cleanEnv = service(`${path} env -i sleep 300`, {});
for (const pgid of [polite, deaf, stopped, leaderless, cleanEnv]) guardian.note(identity(pgid));
// Started in the moment before it would have been noted.
const unnoted = service(`${path} sleep 300`);
// Noted, and gone from our books since: its number may be anybody's.
const forgotten = service(`${path} echo > $DIR/forgotten_up; exec sleep 300`, {});
guardian.note(identity(forgotten));
// Out of its service's group, without the boot id: known by its parent.
const parent = service(`${path} env -i setsid sleep 300 & echo $! > $DIR/hidden; wait`);
guardian.note(identity(parent));
// The same, and its parent is gone: known because it was seen before.
const nobodys = () => service(`${path} exec sleep 300`, {});
const seen = nobodys(), goneSince = nobodys(), ofForgotten = nobodys();
guardian.seen(identity(parent), [identity(seen), identity(goneSince)]);
guardian.seen(identity(parent), [identity(seen)]);
guardian.seen(identity(forgotten), [identity(ofForgotten)]);
guardian.forget(identity(forgotten));
// Somebody else by now has the number of one that was noted, or seen.
const renumbered = nobodys(), seenRenumbered = nobodys();
guardian.note({ pid: renumbered, startTime: 1 });
guardian.seen({ pid: 0, startTime: 0 }, [{ pid: seenRenumbered, startTime: 1 }]);

const up = ["polite_up", "deaf_up", "stopped_up", "member", "forgotten_up", "hidden"];
while (!up.every((name) => exists(`${dir}/${name}`))) await new Promise((resolve) => setTimeout(resolve, 5));
Deno.kill(stopped, "SIGSTOP");
// A line is read in the order it was told: what is asked last has an answer when all before has been taken.
await new Promise((resolve) => setTimeout(resolve, 50));
const services = { polite, deaf, stopped, leaderless, cleanEnv, unnoted, parent, seen };
const strangers = { forgotten, ofForgotten, goneSince, renumbered, seenRenumbered };
const pids = { guardian: guardian.pid, services, strangers };
Deno.writeTextFileSync(`${dir}/pids.new`, JSON.stringify(pids));
Deno.renameSync(`${dir}/pids.new`, `${dir}/pids`);
await new Promise((resolve) => setTimeout(resolve, 60_000));

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
