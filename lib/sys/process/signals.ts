/** Signals of the operating system as AbortSignals. CONTRACT §7. */

export interface SignalSource {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; the reason is its name. */
  readonly stop: AbortSignal;
  /** Aborted by the next one that comes more than 1 s later: everything is to end at once. */
  readonly kill: AbortSignal;
}

/** A terminal's Ctrl-C reaches `deno task` and the program, and `deno task` forwards it too: one request, not two. */
const sameRequestMs = 1000;

/** Listens from the call on, for the life of the program. */
export function signalSource(): SignalSource {
  const stop = new AbortController(), kill = new AbortController();
  let firstAt: number | null = null;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => {
      firstAt ??= performance.now();
      if (!stop.signal.aborted) stop.abort(name);
      else if (performance.now() - firstAt > sameRequestMs) kill.abort(name);
    });
  }
  return { stop: stop.signal, kill: kill.signal };
}
