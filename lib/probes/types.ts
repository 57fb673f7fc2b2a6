/**
 * What a probe is: a question that can be asked again and again, and answers with a value, never with an exception
 * for anything that a service can do. Spec: §6; CONTRACT §2.
 */

/** The answer to one check. `detail` is half a sentence for the log: "503, loading", "connection refused". */
export type ProbeResult =
  /** The condition holds. */
  | { state: "ready"; detail: string }
  /** Not yet, and that is normal while loading (refused, 503, NOT_SERVING). `unheard`: nobody was there to hear the question. */
  | { state: "waiting"; detail: string; unheard?: true }
  /** It could not be asked for want of a descriptor, ours: that says nothing about it. */
  | { state: "unasked"; detail: string }
  /** No answer within the time given to this check: loading hard, busy or wedged. */
  | { state: "timeout"; detail: string }
  /** Answered, but with something that waiting is unlikely to mend (wrong service name, not gRPC at all, a stranger's port, no such model). */
  | { state: "wrong"; detail: string };

/** What a probe may know about the service it asks. */
export interface ProbeTarget {
  readonly name: string;
  /** Pid of its first process while that lives; null when it does not, or there is none of ours. */
  leaderPid(): number | null;
  /** Pids of the service's process tree, looked up now; null when it is not ours (external, adopted from a container). */
  processTree(): ReadonlySet<number> | null;
  /** Calls `fn` for every output line (without its end, ANSI codes removed) from now on, and for those kept so far. */
  onLine(fn: (line: string) => void): Disposable;
  /** True once READY=1 was received on its NOTIFY_SOCKET since its start; `onReady` calls back when it arrives. */
  readonly notifiedReady: boolean;
  onNotifyReady(fn: () => void): Disposable;
}

/** A probe bound to one service. */
export interface Probe extends Disposable {
  /** Short name for log and plan: "http http://127.0.0.1:5001/ready = 200". */
  readonly description: string;
  /**
   * Push probes (notify, log) call back when they become ready, so that nobody polls them. Pull probes leave it out.
   * The callback may come more than once.
   */
  onReady?(fn: () => void): Disposable;
  /** Asks once. Never rejects, except with the signal's reason when `signal` is aborted by the caller. */
  check(options: { signal: AbortSignal; timeoutMs: number }): Promise<ProbeResult>;
}
