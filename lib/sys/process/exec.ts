/**
 * Executes another program in the place of this one: the same process with the same children, so that whoever waits for
 * it notices nothing and the ends of its children stay its own to see. Whatever descriptors were kept open stay.
 *
 * The kernel ends all other threads of the program (V8's, the runtime's) at that moment; what was written by a call that
 * has returned is written. Ignored signals, limits, being the child subreaper and an alarm go on; handlers do not.
 */
import { cString, libc, stringList } from "./libc.ts";

/** What a program is started as. */
export interface Image {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
}

const F_GETFD = 1, F_SETFD = 2, FD_CLOEXEC = 1;
const SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIGHUP = 1, SIGINT = 2, SIGTERM = 15;

/** Does not return when it succeeds: false, it could not be executed. */
export function execute({ argv, env }: Image): false {
  const [args, variables] = [argv, Object.entries(env).map(([name, value]) => `${name}=${value}`)].map(
    stringList,
  );
  libc()!.execve(cString(argv[0]!), args!.pointers, variables!.pointers);
  return false;
}

/** Whether these stay open when another program is executed, or started: after that they are to be closed to others again. */
export function keepOpen(fds: readonly number[], keep: boolean): void {
  for (const fd of fds) libc()!.fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

export function isOpen(fd: number): boolean {
  return libc()!.fcntl(fd, F_GETFD, 0) >= 0;
}

/** The kernel ends this process after so many seconds, whatever program it is then; 0: it does not. */
export function dieAfter(sec: number): void {
  libc()!.alarm(sec);
}

/**
 * Signals that ask us to stop wait until they are let through: for this thread, and for all of the program that it executes.
 * Until then the runtime's other threads take them.
 */
export function holdSignals(hold: boolean): void {
  const set = new Uint8Array(new ArrayBuffer(128));
  for (const signal of [SIGHUP, SIGINT, SIGTERM]) set[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  libc()?.pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, set, null);
}
