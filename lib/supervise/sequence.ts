/**
 * The strict order: each service is past its gate (ready and warmed) before the next one starts; only what needs no
 * port may run ahead. Spec: §2, §9; CONTRACT §3.
 */

/** What is started in its turn. */
export interface Startable {
  readonly name: string;
  /** True once it is past its gate, false when it was given up. */
  start(): Promise<boolean>;
}

export interface SequenceOptions<U extends Startable> {
  signal: AbortSignal;
  /** How many services ahead are prepared while one starts. */
  lookahead: number;
  /** Begins to prepare a service; never fails the boot. `current`: the service it runs beside. */
  prepare(next: U, current: U): void;
  /** Called when a service came up or was given up, before the next one starts. */
  stage(supervisor: U): Promise<void> | void;
  /** The next service was told to start: the gate of `passed` is behind us. */
  onGate(passed: U): void;
}

/** Brings services up in order. Resolves with the names of those that were given up; stops early when aborted. */
export async function startInOrder<U extends Startable>(
  supervisors: readonly U[],
  o: SequenceOptions<U>,
): Promise<string[]> {
  const failed: string[] = [];
  for (const [i, supervisor] of supervisors.entries()) {
    if (o.signal.aborted) break;
    const up = supervisor.start();
    const earlier = supervisors[i - 1];
    if (earlier) o.onGate(earlier);
    for (const next of supervisors.slice(i + 1, i + 1 + o.lookahead)) o.prepare(next, supervisor);
    if (!await up && !o.signal.aborted) failed.push(supervisor.name);
    if (!o.signal.aborted) await o.stage(supervisor);
  }
  return failed;
}
