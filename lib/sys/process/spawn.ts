/**
 * Starts a process by `posix_spawn`, which unlike a fork copies nothing of ours: paid for by the benchmark's rows "crash to
 * respawn" and "200 services". It leads a session and process group of its own, with no signal blocked and none ignored
 * that the runtime ignores. CONTRACT §8.
 */
import { environment, findProgram } from "../host.ts";
import { cString, errorText, libc, O_CLOEXEC, orThrow, stringList } from "./libc.ts";
import type { ExitStatus } from "../../model/states.ts";

export interface ProcessOptions {
  argv: readonly string[];
  /** The whole environment of the child; nothing is inherited beside it. */
  env: Readonly<Record<string, string>>;
  cwd: string;
}

const POSIX_SPAWN_SETSIGDEF = 0x04, POSIX_SPAWN_SETSIGMASK = 0x08, POSIX_SPAWN_SETSID = 0x80;
const SIGPIPE = 13;
const ENOENT = 2, ENOEXEC = 8;
/** More than glibc's structures need: 80 and 336 bytes. */
const room = () => new Uint8Array(new ArrayBuffer(512));

/**
 * Returns the pid. `stdio`: what it finds as its descriptors 0, 1 and 2. @throws with the reason when it cannot be started
 * (not found, not executable, bad folder, no descriptor free).
 */
export function spawnProcess(o: ProcessOptions, stdio: readonly [number, number, number]): number {
  const [name = "", ...args] = o.argv;
  const program = name.includes("/")
    ? name
    : findProgram(name, o.cwd, o.env.PATH ?? environment().PATH ?? "");
  const error = (code: number) => {
    const where = code === ENOENT ? ` in ${o.cwd}` : ""; // the folder may be what is missing
    return new Error(`Failed to spawn '${name}'${where}: ${errorText(code)} (os error ${code})`);
  };
  if (program === null) throw error(ENOENT);
  const result = posixSpawn(program, [name, ...args], o, stdio);
  // A script without its first line is the shell's, as with execvp.
  const again = result === -ENOEXEC ? posixSpawn("/bin/sh", ["sh", program, ...args], o, stdio) : result;
  if (again < 0) throw error(-again);
  return again;
}

/** The pid, or the error's number below 0. */
function posixSpawn(
  path: string,
  argv: readonly string[],
  { env, cwd }: ProcessOptions,
  stdio: readonly [number, number, number],
): number {
  const c = libc()!;
  const [actions, attributes, pid] = [room(), room(), new Int32Array(new ArrayBuffer(4))];
  // glibc's posix_spawnattr_t: flags at 0, the signals that get their default at 8, those that are blocked at 136. Both
  // structures are set up by zeroes; a call for each field would have to be bound first, 0.2 ms each.
  attributes[0] = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
  attributes[8 + ((SIGPIPE - 1) >> 3)] = 1 << ((SIGPIPE - 1) & 7);
  c.posix_spawn_file_actions_addchdir_np(actions, cString(cwd));
  stdio.forEach((fd, i) => c.posix_spawn_file_actions_adddup2(actions, fd, i));
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const [argvList, envList] = [stringList(argv), stringList(variables)];
  const result = c.posix_spawn(pid, cString(path), actions, attributes, argvList.pointers, envList.pointers);
  c.posix_spawn_file_actions_destroy(actions);
  return result === 0 ? pid[0]! : -result;
}

const SYS_PIDFD_OPEN = 434n;
const WNOHANG = 1;

/** A descriptor that is readable once the process has ended. */
export function openPidfd(pid: number): number {
  return Number(libc()!.syscall(SYS_PIDFD_OPEN, BigInt(pid), null, 0n));
}

/** Reaps a child of ours: how it ended; null while it lives. Who was reaped by others has ended, and nobody knows how. */
export function reap(pid: number): ExitStatus | null {
  const status = new Int32Array(new ArrayBuffer(4));
  const reaped = libc()!.waitpid(pid, status, WNOHANG);
  if (reaped === 0) return null;
  if (reaped < 0) return { code: null, signal: null };
  const signal = status[0]! & 0x7f;
  return signal === 0
    ? { code: (status[0]! >> 8) & 0xff, signal: null }
    : { code: null, signal: signalNames[signal] ?? `signal ${signal}` };
}

/** By number, as Linux counts them on x86_64 and aarch64. */
const signalNames =
  ("- HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG " +
    "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS").split(" ").map((name) => `SIG${name}`);

const O_RDWR = 2;

/** Nothing to read, and room for all that is written. */
export function openNull(): number {
  return orThrow(libc()!.open(cString("/dev/null"), O_CLOEXEC | O_RDWR, 0));
}
