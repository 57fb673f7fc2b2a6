/**
 * Executes another program in the place of this one: the same process with the same children, so that whoever waits for
 * it notices nothing and the ends of its children stay its own to see. Whatever descriptors were kept open stay.
 *
 * The kernel ends all other threads of the program (V8's, the runtime's) at that moment; what was written by a call that
 * has returned is written. Ignored signals, limits, being the child subreaper and an alarm go on; handlers do not.
 */
import { cString, libc, stringList } from "./libc.ts";
import { stops } from "./signals.ts";

/** What a program is started as. */
export interface Image {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
}

const F_GETFD = 1, F_SETFD = 2, FD_CLOEXEC = 1;
const SA_RESETHAND = 0x80000000;

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
 * Whether a signal that asks us to stop came since, although no turn of the event loop could tell. The kernel takes a handler away when it calls it
 * (so a second one at this moment ends us); a disposal puts them back.
 */
export function watchForStops(): Disposable & { came(): boolean } {
  const c = libc()!;
  // glibc's struct sigaction: the handler, 128 bytes of mask, the flags.
  const actionOf = (signal: number) => {
    const action = new DataView(new ArrayBuffer(152));
    c.sigaction(signal, null, new Uint8Array(action.buffer));
    return { signal, action, handler: action.getBigUint64(0, true) };
  };
  const handled = stops.map(actionOf).filter(({ handler }) => handler > 1n); // neither the default nor ignored
  const set = (flag: number) => {
    for (const { signal, action } of handled) {
      const flags = action.getUint32(136, true);
      action.setUint32(136, (flags | flag) >>> 0, true);
      c.sigaction(signal, new Uint8Array(action.buffer), null);
      action.setUint32(136, flags, true);
    }
  };
  set(SA_RESETHAND);
  return {
    came: () => handled.some(({ signal, handler }) => actionOf(signal).handler !== handler),
    [Symbol.dispose]: () => set(0),
  };
}
