/** The wait for readiness: who is asked when, and when it is over. How densely is `pace.ts`. Spec: §6, §9; CONTRACT §2. */
import type { Clock } from "../sys/clock.ts";
import { Call, Interval } from "./interval.ts";
import { nextPause, type Pause } from "./pace.ts";
import { type OnActivity, OwnSigns } from "./signs.ts";
import type { Probe, ProbeResult } from "./types.ts";

/** A server may answer wrongly for a moment while it starts (404 before its routes are there): said only after this. */
const tellWrongAfterMs = 500;
/** What is wrong for so long is not mended by waiting. */
const giveUpAfterMs = 10_000;

export interface WaitOptions {
  clock: Clock;
  /** Ends the wait: the overall timeout, the child's death, a stop. Its reason is what the wait rejects with. */
  signal: AbortSignal;
  /** `readiness_poll_ms`. */
  pollMaxMs: number;
  /** For one check. */
  timeoutMs: number;
  expectedMs?: number | null;
  onActivity?: OnActivity;
  /** Called whenever the service gave a sign of life by itself: it got on. */
  onProgress?(): void;
  /** Called whenever what is still missing changes: the last words to quote when time is up. */
  onWaiting?(detail: string): void;
  /** Called when what is missing cannot come right by waiting, and with null when it did all the same. */
  onWrong?(detail: string | null): void;
}

export interface WaitResult {
  /** `wrong`: something stayed wrong that waiting does not mend; `detail` says what. */
  state: "ready" | "wrong";
  /** From the call to the moment at which all probes held, or one was given up. */
  afterMs: number;
  detail: string;
}

/**
 * Resolves as soon as all probes hold at once, or one of them stays wrong. Probes are asked side by side, each at its own
 * pace and never twice at a time; push probes are asked once and then only when they call. Rejects only with `signal`'s
 * reason.
 */
export async function waitReady(probes: readonly Probe[], options: WaitOptions): Promise<WaitResult> {
  options.signal.throwIfAborted();
  using wait = new Wait(probes, options);
  return await wait.run();
}

/** What is known of one probe. */
interface Asked {
  result: ProbeResult | null;
  /** When it was first heard by somebody, and since when it has been wrong; null while it is not. */
  heardAt: number | null;
  wrongAt: number | null;
}

class Wait implements Disposable {
  #probes: readonly Probe[];
  #o: WaitOptions;
  #began: number;
  /** Ends the whole wait, instead of leaving the other probes running: one stays wrong, or breaks its promise never to reject. */
  #over = new AbortController();
  #signal: AbortSignal;
  #signs: OwnSigns;
  #asked: Asked[];
  #lastReady = -1;
  #lastReported = "";
  #lastWrong: string | null = null;

  constructor(probes: readonly Probe[], options: WaitOptions) {
    this.#probes = probes;
    this.#o = options;
    this.#began = options.clock.now();
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#signs = new OwnSigns(options.clock, options.onActivity);
    this.#signs.listen(() => options.onProgress?.());
    this.#asked = probes.map(() => ({ result: null, heardAt: null, wrongAt: null }));
  }

  async run(): Promise<WaitResult> {
    const all = [...this.#probes.keys()];
    try {
      for (;;) {
        await this.#together(this.#missing(), (i) => this.#follow(i));
        // Each was ready at its own moment: that they hold at once is known only after asking the earlier ones again.
        await this.#together(all.filter((i) => i !== this.#lastReady), (i) => this.#ask(i));
        const missing = this.#missing();
        if (missing.length === 0) return this.#result("ready", this.#inWords(all));
        const pauses = missing.map((i) => this.#pause(i).usualMs);
        await this.#o.clock.sleep(Math.max(...pauses), this.#signal);
      }
    } catch (error) {
      if (error instanceof StaysWrong) return this.#result("wrong", error.message);
      throw error;
    }
  }

  #result(state: WaitResult["state"], detail: string): WaitResult {
    return { state, afterMs: this.#o.clock.now() - this.#began, detail };
  }

  /** Asks one probe until it holds. */
  async #follow(i: number): Promise<void> {
    const probe = this.#probes[i];
    using between = probe.onReady
      ? new Call(probe.onReady.bind(probe))
      : new Interval(this.#o.clock, this.#signs);
    while (!await this.#ask(i)) await between.wait(this.#pause(i), this.#signal);
  }

  async #ask(i: number): Promise<boolean> {
    const { clock, timeoutMs } = this.#o;
    const asked = this.#asked[i];
    const pull = !this.#probes[i].onReady;
    if (pull) this.#signs.asking();
    const result = asked.result = await this.#probes[i].check({ signal: this.#signal, timeoutMs });
    const unheard = result.state === "unasked" || (result.state === "waiting" && result.unheard === true);
    if (pull) this.#signs.asked(!unheard && result.state !== "timeout");
    asked.heardAt = unheard ? null : asked.heardAt ?? clock.now();
    asked.wrongAt = result.state === "wrong" ? asked.wrongAt ?? clock.now() : null;
    if (result.state === "ready") this.#lastReady = i;
    this.#report();
    return result.state === "ready";
  }

  #pause(i: number): Pause {
    const { clock, pollMaxMs, expectedMs } = this.#o;
    const { heardAt } = this.#asked[i];
    return nextPause({
      waitedMs: clock.now() - this.#began,
      heardMs: heardAt === null ? null : clock.now() - heardAt,
      maxMs: pollMaxMs,
      expectedMs,
    });
  }

  #missing(): number[] {
    return [...this.#probes.keys()].filter((i) => this.#asked[i].result?.state !== "ready");
  }

  #report(): void {
    const text = this.#inWords(this.#missing().filter((i) => this.#asked[i].result));
    if (text !== "" && text !== this.#lastReported) this.#o.onWaiting?.(this.#lastReported = text);
    const wrong = this.#inWords(this.#wrongFor(tellWrongAfterMs)) || null;
    if (wrong !== this.#lastWrong) this.#o.onWrong?.(this.#lastWrong = wrong);
    const hopeless = this.#wrongFor(giveUpAfterMs);
    if (hopeless.length > 0) throw new StaysWrong(this.#inWords(hopeless));
  }

  /** The probes that have been wrong for at least so long. */
  #wrongFor(ms: number): number[] {
    const since = this.#o.clock.now() - ms;
    return [...this.#asked.keys()].filter((i) => (this.#asked[i].wrongAt ?? Infinity) <= since);
  }

  /** With several probes, each answer says whose it is. */
  #inWords(indexes: number[]): string {
    const prefix = (i: number) => this.#probes.length > 1 ? `${this.#probes[i].description}: ` : "";
    return indexes.map((i) => prefix(i) + this.#asked[i].result?.detail).join("; ");
  }

  async #together(indexes: number[], act: (i: number) => Promise<unknown>): Promise<void> {
    await Promise.allSettled(indexes.map(async (i) => {
      try {
        await act(i);
      } catch (error) {
        this.#over.abort(error);
        throw error;
      }
    }));
    this.#signal.throwIfAborted();
  }

  [Symbol.dispose](): void {
    this.#signs[Symbol.dispose]();
  }
}

/** Ends the wait from within. */
class StaysWrong extends Error {}
