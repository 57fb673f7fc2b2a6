/**
 * Commands in a process of their own: as child subreaper, and with pids that are used again. SCENARIO as first argument;
 * prints one JSON object.
 */
import { runCommand } from "../../lib/sys/process/command.ts";
import { ProcessFamily } from "../../lib/sys/process/process_family.ts";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { becomeSubreaper } from "../../lib/sys/process/reaper.ts";
import { read, until } from "./strangers.ts";

const dir = Deno.makeTempDirSync();
const pidFrom = (name: string) => until(() => Number(read(`${dir}/${name}`)) || null);
const living = (pid: number) => !isGone(readStat(pid));
const run = (script: string, timeoutMs: number) =>
  runCommand(["sh", "-c", script], { timeoutMs, env: { DIR: dir } });
becomeSubreaper();

const scenarios: Record<string, () => Promise<unknown>> = {
  /** What it leaves: in its group, in a session of its own, and without a trace of our environment. */
  async leaves() {
    const { code, stdout } = await run(
      `sleep 300 & echo $! > $DIR/member
       setsid sh -c 'echo $$ > $DIR/daemon; exec sleep 300' > /dev/null 2>&1 &
       env -i "PATH=$PATH" DIR=$DIR setsid sh -c 'echo $$ > $DIR/nameless; exec sleep 300' &
       while ! [ -s $DIR/daemon ] || ! [ -s $DIR/nameless ]; do sleep 0.01; done
       sleep 1; echo done; exit 0`,
      20_000,
    );
    const pids = await Promise.all(["member", "daemon", "nameless"].map(pidFrom));
    return { code, stdout, left: pids.filter(living).length };
  },

  /** In a pid namespace of its own: somebody gets the number of a command that has ended, while its daemon lives. */
  async reused() {
    const running = run(
      `echo $$ > $DIR/leader
       setsid sh -c 'trap "" TERM; echo $$ > $DIR/daemon; while :; do sleep 1; done' &
       while ! [ -s $DIR/daemon ]; do sleep 0.01; done
       sleep 0.05`, // the kernel's start time of a process counts in 10 ms: the stranger's shall be another
      1000,
    );
    const daemon = await pidFrom("daemon"), leader = await pidFrom("leader");
    await until(() => readStat(leader) === null);
    Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", `${leader - 1}`);
    const stranger = new Deno.Command("sleep", { args: ["300"], detached: true, stdin: "null" }).spawn();
    const first = await Promise.race([stranger.status, new Promise((r) => setTimeout(() => r(null), 1500))]);
    const result = { same: stranger.pid === leader, killed: first, daemon: living(daemon) };
    if (!first) stranger.kill("SIGKILL");
    await stranger.status;
    if (result.daemon) Deno.kill(daemon, "SIGKILL");
    return { ...result, code: (await running).code };
  },

  /** In a pid namespace of its own: the leader of a family ends after the last look, and somebody gets its number. */
  async renamed() {
    const silent = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const start = () => new Deno.Command("sleep", { args: ["300"], detached: true, ...silent }).spawn();
    const leader = start();
    const family = new ProcessFamily(readStat(leader.pid)!, () => false);
    const seen = family.living().length;
    leader.kill("SIGKILL");
    await leader.status;
    await new Promise((resolve) => setTimeout(resolve, 50)); // start times count in 10 ms
    Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", `${leader.pid - 1}`);
    const stranger = start();
    const result = {
      seen,
      same: stranger.pid === leader.pid,
      claimed: family.claims(readStat(stranger.pid)!),
    };
    stranger.kill("SIGKILL");
    await stranger.status;
    return result;
  },
};

const result = await scenarios[Deno.args[0]!]!();
Deno.removeSync(dir, { recursive: true });
console.log(JSON.stringify(result));
Deno.exit(0);
