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
import { environment } from "../host.ts";
import { epoll } from "./epoll.ts";
import { signalProcess } from "./group.ts";
import script from "./guardian.sh" with { type: "text" };
import { closeFds, neverBlock, openPipe, writeFd } from "./libc.ts";
import { type Identity, identityText, watchChild } from "./process.ts";
import { readStat } from "./procfs.ts";
import { openNull, spawnProcess } from "./spawn.ts";

/** Resolves its disposal when the helper has gone, at the latest after about a second. */
export interface Guardian extends AsyncDisposable, Readonly<KeptGuardian> {
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

/** A guardian that runs, as another version of the program takes it over. */
export interface KeptGuardian {
  pid: number;
  /** The descriptor of our end of its pipe. */
  input: number;
}

const processName = "alexa-loader-guardian";
const farewellMs = 1000;

/**
 * Starts the helper. @throws if the boot id could not be told from other text in an environment, or the runtime's error
 * when there is no `/bin/sh`.
 */
export function startGuardian(o: GuardianOptions): Guardian {
  if (!/^[A-Za-z0-9-]+$/.test(o.bootId)) throw new Error(`not a boot id: ${JSON.stringify(o.bootId)}`);
  const grace = Math.ceil(o.graceMs / 10);
  const since = readStat(Deno.pid)?.startTime ?? 0; // nothing older than the loader can be of its boot
  epoll.open();
  const [inEnd, input] = openPipe(), nothing = openNull();
  try {
    const pid = spawnProcess({
      argv: ["/bin/sh", "-c", script, processName, o.bootId, `${grace}`, `${Deno.pid}`, `${since}`],
      env: { PATH: environment().PATH ?? "/usr/bin:/bin" },
      cwd: "/",
    }, [inEnd, nothing, nothing]);
    return goOnWithGuardian({ pid, input }, o);
  } catch (error) {
    closeFds(input);
    throw error;
  } finally {
    closeFds(inEnd, nothing);
  }
}

/** A guardian that is a child of ours, whoever of us started it. */
export function goOnWithGuardian({ pid, input }: KeptGuardian, o: Pick<GuardianOptions, "onDied">): Guardian {
  neverBlock(input);
  const encoder = new TextEncoder();
  let leaving = false, ended = false, open = true;
  const kill = () => {
    if (!ended) signalProcess({ pid, startTime: 0 }, "SIGKILL"); // it is not reaped before we hear of it
  };
  const close = () => {
    if (open) closeFds(input);
    open = false;
  };
  const say = (line: string) => {
    if (ended || leaving) return;
    // A pipe that is full of what it did not take: it does not read, and is replaced rather than fed.
    if (!writeFd(input, encoder.encode(line + "\n"))) kill();
  };
  const gone = watchChild(pid).then(({ code, signal }) => {
    ended = true;
    close();
    if (!leaving) o.onDied(signal ?? `exit code ${code}`);
  });

  return {
    pid,
    input,
    note: (leader) => say(`+ ${identityText(leader)}`),
    seen: (leader, who) => say(`= ${[leader, ...who].map(identityText).join(" ")}`),
    forget: (leader) => say(`- ${identityText(leader)}`),
    async [Symbol.asyncDispose]() {
      if (!leaving) {
        say("bye");
        leaving = true;
        close();
        using _limit = systemClock.after(farewellMs, kill);
        await gone;
      }
      await gone;
    },
  };
}
