/**
 * Runs a short command to its end, and sees to it that nothing of it outlives that: the command itself counts, not who
 * holds its pipes. Every wait has its limit.
 */
import { systemClock } from "../clock.ts";
import { CommandFamily, commandVariable } from "./command_family.ts";
import { randomHex } from "../host.ts";
import type { Identity } from "./process.ts";
import { noteRuntimeChild } from "./reaper.ts";
import { terminate } from "./terminate.ts";

export interface CommandResult {
  /** Null: a signal ended it, or the time limit, or nobody can know. */
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  /** The program is not there or may not be run; `stderr` says why. */
  missing: boolean;
}

export interface CommandLimits {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  maxOutputBytes?: number;
  /** Told of the output as it comes, all of it. */
  onOutput?: (chunk: Uint8Array) => void;
}

/** Runs a command as whoever gave this function wants it run: in which folder, with which environment. */
export type RunCommand = (argv: readonly string[], o: CommandLimits) => Promise<CommandResult>;

/** Knows the commands that live, so that they are ended if we cannot do that any more. */
export interface CommandOwner {
  /** Told before anything else happens, so that no moment is unrecorded. */
  onSpawned(command: Identity): void;
  /** Nothing of it lives. Not told of one that even SIGKILL does not end. */
  onGone(command: Identity): void;
}

export interface CommandOptions extends CommandLimits {
  /** Added to our own environment. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  owner?: CommandOwner;
}

/** From SIGTERM to SIGKILL, for a command whose time is over and for what one leaves behind. */
const graceMs = 300;
/** How long the end of the output is awaited after the command's: somebody may hold the pipe whom we do not know. */
const drainMs = 250;
/** A command that runs for longer is looked at this often, so that who leaves its tree is known. */
const slowestLookMs = 250;

/**
 * Runs `argv` in a session and process group of its own. At its end, at the time limit and on abort all of it that lives
 * is ended, wherever it went. @throws only the signal's reason, when it is aborted.
 */
export async function runCommand(argv: readonly string[], o: CommandOptions): Promise<CommandResult> {
  o.signal?.throwIfAborted();
  const [program = "", ...args] = argv;
  const mark = randomHex(16);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      env: { ...o.env, [commandVariable]: mark },
      ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    const stderr = error instanceof Error ? error.message : String(error);
    return { code: null, signal: null, stdout: "", stderr, timedOut: false, missing: true };
  }
  noteRuntimeChild(child.pid, child.status);
  const family = new CommandFamily(child.pid, mark);
  o.owner?.onSpawned(family.leader);
  const limit = o.maxOutputBytes ?? 1 << 20;
  const out = new Output(child.stdout, limit, o.onOutput), err = new Output(child.stderr, limit);
  let status: Deno.CommandStatus | null = null;
  const exited = child.status.then((it) => void (status = it));

  const timedOut = !await within(exited, o.timeoutMs, family, o.signal);
  const victim = { pgid: child.pid, exited, living: () => family.living() };
  const { left } = await terminate(victim, { clock: systemClock, stopSignal: "SIGTERM", graceMs });
  if (left.length === 0) o.owner?.onGone(family.leader);
  await settled([exited, out.ended, err.ended], drainMs);
  child.unref(); // what even SIGKILL did not end keeps nobody from ending
  const [stdout, stderr] = await Promise.all([out.close(), err.close()]);
  o.signal?.throwIfAborted();
  const { code, signal } = status ?? { code: null, signal: null };
  return { code: timedOut || signal ? null : code, signal, stdout, stderr, timedOut, missing: false };
}

/** True when it exited before its time was over and nobody aborted it. Looks at its family meanwhile, ever more seldom. */
async function within(
  exited: Promise<void>,
  ms: number,
  family: CommandFamily,
  signal?: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const look = async () => {
    for (let pause = 5;; pause = Math.min(pause * 2, slowestLookMs)) {
      await systemClock.sleep(pause, over.signal);
      family.living();
    }
  };
  const looks = look().catch(() => {});
  const onAbort = () => over.abort();
  signal?.addEventListener("abort", onAbort, { once: true });
  using _limit = systemClock.after(ms, onAbort);
  const done = await Promise.race([exited.then(() => true), looks.then(() => false)]);
  signal?.removeEventListener("abort", onAbort);
  over.abort();
  return done;
}

/** Resolves when they all are, or after `ms`. */
async function settled(promises: readonly Promise<unknown>[], ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _limit = systemClock.after(ms, resolve);
  await Promise.race([Promise.all(promises), promise]);
}

/** The beginning of a stream. It is read on past the limit, so that the command never blocks on a full pipe. */
class Output {
  readonly ended: Promise<void>;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #parts: Uint8Array<ArrayBuffer>[] = [];

  constructor(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    limit: number,
    onChunk?: (chunk: Uint8Array) => void,
  ) {
    this.#reader = stream.getReader();
    this.ended = this.#read(limit, onChunk);
  }

  async #read(room: number, onChunk?: (chunk: Uint8Array) => void): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) return;
        onChunk?.(value);
        if (room > 0) this.#parts.push(value.subarray(0, room));
        room -= value.length;
      }
    } catch { /* the pipe broke: there is nothing more to read */ }
  }

  /** Lets go of the pipe; what was read, as text. */
  async close(): Promise<string> {
    await this.#reader.cancel().catch(() => {});
    return await new Blob(this.#parts).text();
  }
}
