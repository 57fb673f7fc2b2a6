/** Signals of the operating system as AbortSignals. CONTRACT §7. */
import { ExitCode } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { readBytes } from "./libc.ts";

export interface SignalSource {
  /** Aborted by the first SIGINT, SIGTERM or (unless we were started to ignore it) SIGHUP; the reason is its name. */
  readonly stop: AbortSignal;
  /** Aborted by the next one that comes more than 1 s later: everything is to end at once. */
  readonly kill: AbortSignal;
}

/** A terminal's Ctrl-C reaches `deno task` and the program, and `deno task` forwards it too: one request, not two. */
const sameRequestMs = 1000;

/** So long after the second signal the program ends, whatever it is at, ms. */
const lastResort = 10_000;

const SIGHUP = 1;

/** True if whoever started us has this signal ignored, as nohup does. */
function isIgnored(signal: number): boolean {
  const status = new TextDecoder().decode(readBytes("/proc/self/status") ?? undefined);
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
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
  const nohup = isIgnored(SIGHUP);
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, listener(name));
  Deno.addSignalListener("SIGHUP", nohup ? () => {} : listener("SIGHUP"));
  return { stop: stop.signal, kill: kill.signal };
}
