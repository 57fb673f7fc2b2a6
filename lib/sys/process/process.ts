/**
 * A service's process: started as leader of its own session and process group, its output pumped, its end told once.
 * Identity of a process is pid + kernel start time; a pid alone is not (CONTRACT §8).
 */
import type { ExitStatus } from "../../model/states.ts";
import type { Clock } from "../clock.ts";
import { isBlind, isGone, readStat } from "./procfs.ts";
import { noteRuntimeChild } from "./reaper.ts";

/** What makes a process itself and no other. */
export interface Identity {
  pid: number;
  /** Kernel start time in clock ticks since the machine's boot; 0 where the kernel does not tell. */
  startTime: number;
}

/** True when `stat` is the process that is meant. A start time of 0 is unknown and proves nothing. */
export function isSame(stat: Identity | null, id: Identity | null): boolean {
  return stat !== null && id !== null && stat.pid === id.pid && stat.startTime === id.startTime &&
    id.startTime > 0;
}

/** An identity as the state file and the guardian write it: "4711:90210". */
export function identityText({ pid, startTime }: Identity): string {
  return `${pid}:${startTime}`;
}

export function identityFrom(text: string): Identity {
  const [pid, startTime] = text.split(":").map(Number);
  return { pid, startTime };
}

export interface Child extends Identity {
  /** Resolves when the leader has ended. Its group may live on. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when both output streams have ended: nobody holds them any more. */
  readonly drained: Promise<void>;
  /** Writes a line to its standard input (standby services wait for one). */
  tell(line: string): Promise<void>;
  /** Stops reading its output; what holds the pipes from now on gets SIGPIPE. */
  closeOutput(): Promise<void>;
}

export interface SpawnOptions {
  argv: string[];
  /** The whole environment of the child; nothing is inherited beside it. */
  env: Record<string, string>;
  cwd: string;
  stdin: "null" | "piped";
  /** Called with each chunk of output; the buffer is reused afterwards. Nothing more is read until its promise resolves. */
  onStdout: OutputSink;
  onStderr: OutputSink;
}

export type OutputSink = (chunk: Uint8Array) => Promise<void> | null | void;

const FIRST_BUFFER = 4 << 10, LARGEST_BUFFER = 256 << 10;

/** Reads to the end. The buffer grows with the traffic, so that 200 quiet services cost little and a flood is read in big chunks. */
async function pump(reader: ReadableStreamBYOBReader, sink: OutputSink): Promise<void> {
  let buffer: ArrayBuffer = new ArrayBuffer(FIRST_BUFFER);
  try {
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      const held = value && value.length > 0 ? sink(value) : null;
      if (held) await held;
      if (done || !value) return;
      const full = value.length === value.buffer.byteLength && value.length < LARGEST_BUFFER;
      buffer = full ? new ArrayBuffer(value.length * 4) : value.buffer;
    }
  } catch { /* cancelled, or the pipe broke: there is nothing more to read either way */ }
}

/** Starts `argv`. @throws the runtime's error when it cannot be started (not found, not executable, bad folder). */
export function spawnChild(o: SpawnOptions): Child {
  const child = new Deno.Command(o.argv[0], {
    args: o.argv.slice(1),
    env: o.env,
    clearEnv: true,
    cwd: o.cwd,
    stdin: o.stdin,
    stdout: "piped",
    stderr: "piped",
    detached: true, // a real setsid(): group and session of its own
  }).spawn();
  noteRuntimeChild(child.pid, child.status);
  const out = child.stdout.getReader({ mode: "byob" });
  const err = child.stderr.getReader({ mode: "byob" });
  const drained = Promise.all([pump(out, o.onStdout), pump(err, o.onStderr)]).then(() => {});
  return {
    pid: child.pid,
    startTime: readStat(child.pid)?.startTime ?? 0,
    exited: child.status.then(({ code, signal }) => signal ? { code: null, signal } : { code, signal: null }),
    drained,
    async tell(line) {
      const writer = child.stdin.getWriter();
      try {
        await writer.write(new TextEncoder().encode(line + "\n"));
        await writer.close();
      } finally {
        writer.releaseLock();
      }
    },
    async closeOutput() {
      await Promise.allSettled([out.cancel(), err.cancel()]);
      await drained;
      if (o.stdin === "piped" && !child.stdin.locked) await child.stdin.close().catch(() => {});
    },
  };
}

/** How often a process that is not our child is looked at, ms. */
const lookMs = 100;

/** Resolves when a process that is nobody's child of ours is gone. Its exit status is unknown. */
export async function awaitGone(id: Identity, clock: Clock): Promise<ExitStatus> {
  for (;;) {
    const stat = readStat(id.pid);
    const there = stat ? !isGone(stat) && stat.startTime === id.startTime : isBlind();
    if (!there) return { code: null, signal: null };
    await clock.sleep(lookMs);
  }
}

/** "exit 0", "exit code 1", "SIGKILL", or "ended" when nobody can know. */
export function exitText(status: ExitStatus): string {
  if (status.signal) return status.signal;
  if (status.code === null) return "ended";
  return `exit ${status.code}`;
}

/** Our own pid, our ancestors and pid 1: never to be signalled, whatever a file or a port says. */
export function protectedPids(): Set<number> {
  const pids = new Set([1, Deno.pid]);
  for (let stat = readStat(Deno.pid); stat && stat.ppid > 0; stat = readStat(stat.ppid)) pids.add(stat.ppid);
  return pids;
}
