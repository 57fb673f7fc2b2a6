/** What the probe tests share: a target that is nobody's service until told otherwise, and a patient check. */
import { createProbe, type Probe, type ProbeResult, type ProbeTarget } from "../../../lib/probes/mod.ts";
import type { ProbeSpec } from "../../../lib/model/plan.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";

export class TestTarget implements ProbeTarget {
  readonly name = "stt";
  tree: ReadonlySet<number> | null = null;
  treeAsked = 0;
  kept: string[] = [];
  notifiedReady = false;
  #lines = new Set<(line: string) => void>();
  #notified = new Set<() => void>();

  leaderPid(): number | null {
    return null;
  }

  processTree(): ReadonlySet<number> | null {
    this.treeAsked++;
    return this.tree;
  }

  onLine(fn: (line: string) => void): Disposable {
    for (const line of this.kept) fn(line);
    this.#lines.add(fn);
    return { [Symbol.dispose]: () => void this.#lines.delete(fn) };
  }

  onNotifyReady(fn: () => void): Disposable {
    this.#notified.add(fn);
    return { [Symbol.dispose]: () => void this.#notified.delete(fn) };
  }

  write(line: string): void {
    for (const fn of [...this.#lines]) fn(line);
  }

  notify(): void {
    this.notifiedReady = true;
    for (const fn of [...this.#notified]) fn();
  }

  /** Subscriptions that nobody has ended. */
  get subscriptions(): number {
    return this.#lines.size + this.#notified.size;
  }
}

export const never = new AbortController().signal;

export function probeOf(spec: ProbeSpec, target: ProbeTarget = new TestTarget()): Probe {
  return createProbe(spec, target, { clock: systemClock, run: runCommand });
}

/** One check by a probe of its own. */
export async function checkOnce(
  spec: ProbeSpec,
  target?: ProbeTarget,
  timeoutMs = 5000,
): Promise<ProbeResult> {
  using probe = probeOf(spec, target);
  return await probe.check({ signal: never, timeoutMs });
}
