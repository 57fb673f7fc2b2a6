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
 * POSIX, for dash and busybox alike; beside builtins only `tr` and `sleep`. What it keeps is `pid:start`: a process (or
 * group leader) whose start time is another one is a stranger with a number that was used again. Times are in 1/100 s.
 */
const script = `
trap '' HUP INT QUIT TERM
mark="ALEXA_BOOT_ID=$1" grace=$2 since=$4
groups= seen= pids= sessions=' '
nl='
'
look() { # PID -> state, ppid, pgrp, session, start; false when it is gone. A name may hold anything, even line ends.
  line=
  while read -r part; do line="$line $part"; done < "/proc/$1/stat"
  [ -n "$line" ] || return 1
  set -- \${line##*) }
  state=$1 ppid=$2 pgrp=$3 session=$4
  shift 19
  start=$1
}
alive() { look "$1" && [ "$state" != Z ] && [ "$state" != X ]; }
same() { alive "\${1%:*}" && [ "$start" = "\${1#*:}" ]; }
ours() { # no process of this number, or the one that was noted
  ! look "\${1%:*}" || [ "$start" = "\${1#*:}" ]
}
peopled() { # somebody in the group lives; zombies do not count
  kill -s 0 -- "-$1" || return 1
  alive "$1" && return 0
  for entry in /proc/[0-9]*; do
    alive "\${entry#/proc/}" && [ "$pgrp" = "$1" ] && return 0
  done
  return 1
}
carries() {
  case "$nl$(tr '\\000\\n' '\\n ' < "/proc/$1/environ")$nl" in
    *"$nl$mark$nl"*) return 0 ;;
  esac
  return 1
}
tell() { # SIGNAL GROUPS PIDS
  for it in $2; do ours "$it" && kill -s "$1" -- "-\${it%:*}"; done
  for it in $3; do same "$it" && kill -s "$1" "\${it%:*}"; done
}
prune() { # what was seen gone is never signalled again
  kept=
  for it in $groups; do ours "$it" && peopled "\${it%:*}" && kept="$kept $it"; done
  groups=$kept kept=
  for it in $pids; do same "$it" && kept="$kept $it"; done
  pids=$kept
}
follow() { # whoever descends from what is known and is in none of the groups joins pids: as long as its parent lives
  family=' ' grown=1
  for it in $groups $pids; do family="$family\${it%:*} "; done
  while [ -n "$grown" ]; do
    grown=
    for entry in /proc/[0-9]*; do
      pid=\${entry#/proc/}
      case "$family" in *" $pid "*) continue ;; esac
      alive "$pid" || continue
      [ "$start" -ge "$since" ] || continue
      case "$groups:" in
        *" $pgrp:"*) ;;
        *) case "$family" in *" $ppid "*) pids="$pids $pid:$start" ;; *) continue ;; esac ;;
      esac
      family="$family$pid " grown=1
    done
  done
}
scan() { # -> found: processes of this boot that are in none of the groups
  found=
  for entry in /proc/[0-9]*; do
    pid=\${entry#/proc/}
    if [ "$pid" = 1 ] || [ "$pid" = $$ ]; then continue; fi
    alive "$pid" || continue
    [ "$start" -ge "$since" ] || continue
    it="$pid:$start"
    case "$pids " in *" $it "*) continue ;; esac
    case "$groups:" in *" $pgrp:"*) continue ;; esac
    case "$sessions" in
      *" $session "*) ;;
      *) carries "$pid" || continue ;;
    esac
    found="$found $it"
  done
  pids="$pids$found"
}
clock() {
  read -r up rest < /proc/uptime
  now=$(( \${up%.*} * 100 + 1\${up#*.} - 100 ))
}
without() { # LEADER LIST -> kept: what does not begin with that leader
  kept=
  for it in $2; do
    case "$1" in
      "\${it%%/*}" | "\${it%%:*}:0") ;;
      *) kept="$kept $it" ;;
    esac
  done
}
while read -r word group more; do
  case $word in
    +) case $group in # the loader could not look
         *:0) look "\${group%:*}" && group=\${group%:*}:$start ;;
       esac
       groups="$groups $group" ;;
    =) without "$group" "$seen"
       for it in $more; do kept="$kept $group/$it"; done
       seen=$kept ;;
    -) without "$group" "$groups"
       groups=$kept
       without "$group" "$seen"
       seen=$kept ;;
    bye) exit 0 ;;
  esac
done
clock
end=$(( now + grace ))
kept=
for it in $groups; do
  ours "$it" && kept="$kept $it" sessions="$sessions\${it%:*} "
done
groups=$kept
for it in $seen; do
  same "\${it#*/}" && pids="$pids \${it#*/}"
done
follow
tell TERM "$groups" "$pids"
tell CONT "$groups" "$pids"
scan
sessions=' '
tell TERM '' "$found"
tell CONT '' "$found"
while :; do
  sleep 0.05 || sleep 1
  prune
  if [ -z "$groups$pids" ]; then
    scan
    [ -n "$found" ] || exit 0
    tell TERM '' "$found"
    tell CONT '' "$found"
  fi
  clock
  [ "$now" -lt "$end" ] || break
done
for round in 1 2 3; do
  follow
  tell KILL "$groups" "$pids"
  scan
  tell KILL '' "$found"
  sleep 0.05 || sleep 1
  prune
  [ -n "$groups$pids" ] || exit 0
done
`;

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
