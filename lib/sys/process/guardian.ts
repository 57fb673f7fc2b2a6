/**
 * The guardian: stops every service if the loader dies without a word (SIGKILL, a crash, out of memory). Spec: §4, §6.
 *
 * It is a shell in a session of its own that blocks on reading a pipe whose only other end is the loader's. The end of
 * that file without a `bye` before it means that the loader is dead. It knows the services' process groups because it is
 * told each of them, and whatever was started in the moment before it was told, or left its group since, by the boot id
 * in its environment. The shell itself must not carry that id, or it would find itself. Who left the group and carries
 * no id any more (sudo, `env -i`, a daemon that rewrote itself) is known by its parent while that lives, else only if
 * the loader has seen it before.
 */
import { systemClock } from "../clock.ts";
import script from "./guardian.sh" with { type: "text" };
import { type Identity, identityText } from "./process.ts";
import { readStat } from "./procfs.ts";
import { noteRuntimeChild } from "./reaper.ts";

/** Resolves its disposal when the helper has gone, at the latest after about a second. */
export interface Guardian extends AsyncDisposable {
  readonly pid: number;
  /** The process group that this process leads is to be stopped if the loader dies. Never blocks or throws. */
  note(leader: Identity): void;
  /** So are these, all there are now, which left that group and carry no boot id. A leader of pid 0 is nobody. */
  seen(leader: Identity, who: readonly Identity[]): void;
  /** This process group is gone, and who left it: its number may be anybody's from now on. Never blocks or throws. */
  forget(leader: Identity): void;
}

export interface GuardianOptions {
  /** Value of ALEXA_BOOT_ID that marks the processes of this boot: letters, digits and dashes. */
  bootId: string;
  /** From SIGTERM to SIGKILL, ms. */
  graceMs: number;
  /** It ended although nobody told it to; nothing is guarded until another one is started and told all groups. */
  onDied(reason: string): void;
}

const processName = "alexa-loader-guardian";
/** So many untaken lines mean that it does not read: it is replaced rather than fed. */
const mostPending = 1000;
const farewellMs = 1000;

/**
 * Starts the helper. @throws if the boot id could not be told from other text in an environment, or the runtime's error
 * when there is no `/bin/sh`.
 */
export function startGuardian(o: GuardianOptions): Guardian {
  if (!/^[A-Za-z0-9-]+$/.test(o.bootId)) throw new Error(`not a boot id: ${JSON.stringify(o.bootId)}`);
  const grace = Math.ceil(o.graceMs / 10);
  const since = readStat(Deno.pid)?.startTime ?? 0; // nothing older than the loader can be of its boot
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, processName, o.bootId, `${grace}`, `${Deno.pid}`, `${since}`],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  noteRuntimeChild(child.pid, child.status);
  const writer = child.stdin.getWriter();
  writer.closed.catch(() => {}); // its end is told by its status
  const encoder = new TextEncoder();
  let pending = 0, leaving = false, ended = false;

  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended, and we are about to hear of it */ }
  };
  const say = (line: string) => {
    if (ended || leaving) return;
    if (++pending > mostPending) return kill();
    writer.write(encoder.encode(line + "\n")).catch(() => {}).finally(() => pending--);
  };
  const gone = child.status.then(({ code, signal }) => {
    ended = true;
    if (!leaving) o.onDied(signal ?? `exit code ${code}`);
  });

  return {
    pid: child.pid,
    note: (leader) => say(`+ ${identityText(leader)}`),
    seen: (leader, who) => say(`= ${[leader, ...who].map(identityText).join(" ")}`),
    forget: (leader) => say(`- ${identityText(leader)}`),
    async [Symbol.asyncDispose]() {
      if (!leaving) {
        say("bye");
        leaving = true;
        writer.close().catch(() => {});
        using _limit = systemClock.after(farewellMs, kill);
        await gone;
      }
      await gone;
    },
  };
}
