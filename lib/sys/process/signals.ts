/** Signals of the operating system as AbortSignals. CONTRACT §7. */
import { ExitCode } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { libc, readBytes } from "./libc.ts";

export interface SignalSource {
  /** Aborted by the first SIGINT, SIGTERM or (unless we were started to ignore it, or it reloads) SIGHUP; the reason is its name. */
  readonly stop: AbortSignal;
  /** Aborted by the next one that comes more than 1 s later: everything is to end at once. */
  readonly kill: AbortSignal;
  /** Called at each SIGHUP from then on, in place of the stop, where no terminal that could hang up controls us. */
  onReload(reload: () => void): void;
}

/** A terminal's Ctrl-C reaches `deno task` and the program, and `deno task` forwards it too: one request, not two. */
const sameRequestMs = 1000;

/** So long after the second signal the program ends, whatever it is at, ms. */
const lastResort = 10_000;

const SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIGHUP = 1, SIGINT = 2, SIGTERM = 15;
/** Signals that ask us to stop. */
export const stops: readonly number[] = [SIGHUP, SIGINT, SIGTERM];

/** Of whoever started us: `nohup` has SIGHUP ignored, an earlier version of us has all that stop us held back. */
function inherited(): { ignores(signal: number): boolean; holds(signal: number): boolean } {
  const status = new TextDecoder().decode(readBytes("/proc/self/status") ?? undefined);
  const has = (mask: RegExp) => (signal: number) =>
    ((BigInt(`0x${mask.exec(status)?.[1] ?? "0"}`) >> BigInt(signal - 1)) & 1n) === 1n;
  return { ignores: has(/^SigIgn:\s*([0-9a-f]+)$/m), holds: has(/^SigBlk:\s*([0-9a-f]+)$/m) };
}

/** A terminal controls us: SIGHUP says that it has gone. */
function hasTerminal(): boolean {
  const stat = new TextDecoder().decode(readBytes("/proc/self/stat") ?? undefined);
  const [, , , , tty = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return tty !== "0";
}

/** Listens from the call on, for the life of the program. */
export function signalSource(lastResortMs = lastResort): SignalSource {
  const stop = new AbortController(), kill = new AbortController();
  let firstAt: number | null = null;
  const listener = (name: string) => () => {
    firstAt ??= performance.now();
    if (!stop.signal.aborted) stop.abort(name);
    else if (performance.now() - firstAt > sameRequestMs && !kill.signal.aborted) {
      // Whatever keeps us from ending then: the guardian ends what we leave.
      systemClock.after(lastResortMs, () => Deno.exit(ExitCode.killed));
      kill.abort(name);
    }
  };
  // Asked before the first listener: any of them makes the runtime take SIGHUP as well, and end of it.
  const { ignores, holds } = inherited();
  const nohup = ignores(SIGHUP), terminal = hasTerminal();
  let reload: (() => void) | null = null;
  const stopByHangup = listener("SIGHUP");
  const hangup = () => reload && !terminal ? reload() : stopByHangup();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, listener(name));
  Deno.addSignalListener("SIGHUP", nohup ? () => {} : hangup);
  if (holds(SIGTERM)) holdSignals(false); // what came meanwhile comes now
  return { stop: stop.signal, kill: kill.signal, onReload: (wanted) => void (reload = wanted) };
}

/**
 * Signals that ask us to stop wait until they are let through: for this thread, and for all of the program that it executes.
 * Until then the runtime's other threads take them.
 */
export function holdSignals(hold: boolean): void {
  const set = new Uint8Array(new ArrayBuffer(128));
  for (const signal of stops) set[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  libc()?.pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, set, null);
}
