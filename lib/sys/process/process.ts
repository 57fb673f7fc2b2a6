/**
 * A service's process: started as leader of its own session and process group, its output pumped, its end told once.
 * Identity of a process is pid + kernel start time; a pid alone is not (CONTRACT §8).
 */
import type { ExitStatus } from "../../model/states.ts";
import { type Clock, systemClock } from "../clock.ts";
import { closeFds, neverBlock, openPipe, readFd, writeFd } from "./libc.ts";
import { isBlind, isGone, readStat } from "./procfs.ts";
import { epoll } from "./epoll.ts";
import { noteRuntimeChild } from "./reaper.ts";
import { openNull, openPidfd, type ProcessOptions, reap, spawnProcess } from "./spawn.ts";

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
  const [pid = NaN, startTime = NaN] = text.split(":").map(Number);
  return { pid, startTime };
}

export interface Child extends Identity {
  /** Resolves when the leader has ended. Its group may live on. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when both output streams have ended: nobody holds them any more. */
  readonly drained: Promise<void>;
  /** Writes a line to its standard input (standby services wait for one). */
  tell(line: string): Promise<void>;
  /** Descriptors of ours that another version of this program needs to go on with it. */
  kept(): Pipes;
  /** Stops reading its output; what holds the pipes from now on gets SIGPIPE. */
  closeOutput(): Promise<void>;
}

/** Our ends of a child's pipes; null: there is none, or it was closed. */
export interface Pipes {
  input: number | null;
  out: number | null;
  err: number | null;
}

export interface SpawnOptions extends ProcessOptions {
  stdin: "null" | "piped";
  /** Called with each chunk of output; the buffer is reused afterwards. Nothing more is read until its promise resolves. */
  onStdout: OutputSink;
  onStderr: OutputSink;
}

export type OutputSink = (chunk: Uint8Array) => Promise<void> | null | void;

/** How often a process is looked at whose end nothing tells, ms. */
const lookMs = 100;
/** Who writes so much is likely to have written more by the time it is dealt with: asked again at once, so often. */
const floodBytes = 16 << 10, mostTurns = 8;
/** Whatever is read passes through here, from one call of a sink to the next. */
const chunk = new Uint8Array(256 << 10);

let readingHeld: Promise<void> | null = null;

/** Until its disposal nothing more is read of anybody's output: it waits in the pipes. */
export function holdReading(): Disposable {
  const { promise: over, resolve: release } = Promise.withResolvers<void>();
  readingHeld = over;
  return {
    [Symbol.dispose]() {
      readingHeld = null;
      release();
    },
  };
}

/** Reads `fd` to its end, or until it is forgotten. Never rejects: a sink that fails ends it. */
async function pump(fd: number, sink: OutputSink, reading: { over: boolean }): Promise<void> {
  neverBlock(fd);
  try {
    while (!reading.over && await epoll.readable(fd)) {
      for (let turn = 0; turn < mostTurns && !reading.over; turn++) {
        if (readingHeld) await readingHeld;
        if (reading.over) break;
        const length = readFd(fd, chunk);
        if (length === 0) return;
        const held = length > 0 ? sink(chunk.subarray(0, length)) : null;
        if (held) await held;
        if (length < floodBytes) break;
      }
    }
  } catch {
    /* as if it had been closed */
  } finally {
    epoll.forget(fd);
    closeFds(fd);
  }
}

/**
 * Goes on with a process that an earlier loader started. `ours`: an earlier version of this program did, so it is a child
 * of ours whose end we can see, unless that version was another process. `status`: its end, when that was seen already.
 */
export function goOnWithChild(
  id: Identity,
  pipes: Pipes,
  o: Pick<SpawnOptions, "onStdout" | "onStderr"> & {
    ours: boolean;
    status: ExitStatus | null;
    clock: Clock;
  },
): Child {
  epoll.open();
  const stat = readStat(id.pid);
  const isChild = o.ours && isSame(stat, id) && stat?.ppid === Deno.pid;
  const exited = o.status ? Promise.resolve(o.status) : isChild ? watchChild(id.pid) : awaitGone(id, o.clock);
  return withOutput(childOf(id, exited, pipes.input), pipes, o);
}

/** Starts `argv`. @throws with the reason when it cannot be started (not found, not executable, bad folder). */
export function spawnChild(o: SpawnOptions): Child {
  const [out, outEnd] = openPipe();
  const [err, errEnd] = openPipe();
  let child;
  try {
    child = startProcess(o, outEnd, errEnd);
  } catch (error) {
    closeFds(out, err);
    throw error;
  } finally {
    closeFds(outEnd, errEnd);
  }
  return withOutput(child, { out, err }, o);
}

/** A child of ours whose output is read from here on. */
function withOutput(
  { closeInput, ...started }: ReturnType<typeof startProcess>,
  { out, err }: Omit<Pipes, "input">,
  o: Pick<SpawnOptions, "onStdout" | "onStderr">,
): Child {
  const reading = { over: false, out, err };
  const read = (name: "out" | "err", fd: number | null, sink: OutputSink) =>
    fd === null ? null : pump(fd, sink, reading).then(() => reading[name] = null);
  const drained = Promise.all([read("out", out, o.onStdout), read("err", err, o.onStderr)]).then(() => {});
  return {
    ...started,
    drained,
    kept: () => ({ ...started.kept(), out: reading.out, err: reading.err }),
    async closeOutput() {
      reading.over = true;
      for (const fd of [reading.out, reading.err]) if (fd !== null) epoll.forget(fd);
      await drained;
      closeInput();
    },
  };
}

/** Starts `argv` with these descriptors as its output. @throws as {@link spawnChild}. */
export function startProcess(
  o: ProcessOptions & Pick<SpawnOptions, "stdin">,
  out: number,
  err: number,
): Omit<Child, "drained" | "closeOutput"> & { closeInput(): void } {
  epoll.open();
  const [inEnd, input] = o.stdin === "piped" ? openPipe() : [openNull(), null];
  let pid;
  try {
    pid = spawnProcess(o, [inEnd, out, err]);
  } catch (error) {
    if (input !== null) closeFds(input);
    throw error;
  } finally {
    closeFds(inEnd);
  }
  const exited = watchChild(pid);
  return childOf({ pid, startTime: readStat(pid)?.startTime ?? 0 }, exited, input);
}

function childOf(
  id: Identity,
  exited: Promise<ExitStatus>,
  input: number | null,
): ReturnType<typeof startProcess> {
  let open = input !== null;
  const closeInput = () => {
    if (open) closeFds(input!);
    open = false;
  };
  return {
    ...id,
    exited,
    kept: () => ({ input: open ? input : null, out: null, err: null }),
    tell(line) {
      const told = open && writeFd(input!, new TextEncoder().encode(line + "\n"));
      closeInput();
      return told ? Promise.resolve() : Promise.reject(new Error("its standard input is closed"));
    },
    closeInput,
  };
}

/** Resolves when a child that we started ourselves has ended; nobody else is to reap it. */
export function watchChild(pid: number): Promise<ExitStatus> {
  const exited = ended(pid);
  noteRuntimeChild(pid, exited);
  return exited;
}

/** Waits for a child of ours and reaps it. */
async function ended(pid: number): Promise<ExitStatus> {
  const fd = openPidfd(pid);
  if (fd >= 0) {
    await epoll.readable(fd);
    epoll.forget(fd);
    closeFds(fd);
  }
  // Without a descriptor (none was free, or a kernel before 5.3) it is asked for now and then.
  for (let status = reap(pid);; status = reap(pid)) {
    if (status) return status;
    await systemClock.sleep(lookMs);
  }
}

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
