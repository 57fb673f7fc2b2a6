/** Calls one after another, each with a time limit, also when the one before never returns. */
import type { Clock } from "../../sys/clock.ts";
import type { GpuFailure } from "../types.ts";

/**
 * Puts work that must not overlap in a row. Work cannot be interrupted once it is in the driver, so at its time limit
 * the caller is told, and until it returns every further call fails at once: one stuck thread, not one per poll.
 */
export class SerialQueue {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #stuckSince: number | null = null;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** True while work that has run out of time has not returned. */
  get stuck(): boolean {
    return this.#stuckSince !== null;
  }

  /** Runs `work` after all before it. Rejects only with the signal's reason. */
  async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T | GpuFailure> {
    signal?.throwIfAborted();
    if (this.#stuckSince !== null) return this.#tooLate(this.#clock.now() - this.#stuckSince);
    let abandoned = false;
    const turn = this.#last.then(() => abandoned ? undefined : work());
    this.#last = turn.catch(() => {}).finally(() => this.#stuckSince = null);
    const { promise: ended, resolve, reject } = Promise.withResolvers<GpuFailure>();
    const onAbort = () => reject(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    using _limit = this.#clock.after(this.#limitMs, () => {
      this.#stuckSince ??= this.#clock.now() - this.#limitMs;
      resolve(this.#tooLate(this.#limitMs));
    });
    try {
      return await Promise.race([turn as Promise<T>, ended]);
    } finally {
      abandoned = true;
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Waits for what is in the row, at most the time limit; false if something still did not return. */
  async drain(): Promise<boolean> {
    if (this.stuck) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    using _limit = this.#clock.after(this.#limitMs, () => resolve(false));
    return await Promise.race([this.#last.then(() => true), promise]);
  }

  #tooLate(ms: number): GpuFailure {
    return {
      failure: "timeout",
      message: `the GPU's driver has not answered for ${(ms / 1000).toFixed(1)} s`,
      hint: "see dmesg for an Xid message; a process in the driver may be stuck (state D in ps)",
    };
  }
}
