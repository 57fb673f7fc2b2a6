/**
 * What is under way for one service. Whatever waits (readiness, warm-up, liveness) belongs to one activity that is aborted
 * before anything else is done to the service, so a late result of an old activity is never taken for the new one's.
 */
import { isAbort } from "../sys/clock.ts";
import { withoutStack } from "../sys/process/descriptors.ts";

/** Why an activity is over. Nobody looks at its stack, which costs more than the rest of it. */
export function overBecause(why: string): DOMException {
  return withoutStack(() => new DOMException(why, "AbortError"));
}

export class Activities {
  #current = new AbortController();
  #tasks = new Set<Promise<void>>();

  /** Runs one in the place of the one before. `failed` hears of an end other than by abort. */
  run(
    act: (signal: AbortSignal) => Promise<void>,
    failed: (error: unknown, signal: AbortSignal) => void,
  ): void {
    this.end("the next stage begins");
    const { signal } = this.#current = new AbortController();
    this.beside(
      act(signal).catch((error) => {
        if (!isAbort(error, signal)) failed(error, signal);
      }),
    );
  }

  /** Aborts the one that runs. */
  end(why: string): void {
    this.#current.abort(overBecause(why));
  }

  /** Something that runs to its own end. */
  beside(promise: Promise<void>): void {
    this.#tasks.add(promise);
    promise.finally(() => this.#tasks.delete(promise));
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
