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
  onActivity?: OnActivity | undefined;
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
  probe: Probe;
  result: ProbeResult | null;
  /** When it was first heard by somebody, and since when it has been wrong; null while it is not. */
  heardAt: number | null;
  wrongAt: number | null;
}

class Wait implements Disposable {
  #o: WaitOptions;
  #began: number;
  /** Ends the whole wait, instead of leaving the other probes running: one stays wrong, or breaks its promise never to reject. */
  #over = new AbortController();
  #signal: AbortSignal;
  #signs: OwnSigns;
  #all: Asked[];
  #lastReady: Asked | null = null;
  #lastReported = "";
  #lastWrong: string | null = null;

  constructor(probes: readonly Probe[], options: WaitOptions) {
    this.#o = options;
    this.#began = options.clock.now();
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#signs = new OwnSigns(options.clock, options.onActivity);
    this.#signs.listen(() => options.onProgress?.());
    this.#all = probes.map((probe) => ({ probe, result: null, heardAt: null, wrongAt: null }));
  }

  async run(): Promise<WaitResult> {
    try {
      for (;;) {
        await this.#together(this.#missing(), (one) => this.#follow(one));
        // Each was ready at its own moment: that they hold at once is known only after asking the earlier ones again.
        await this.#together(this.#all.filter((one) => one !== this.#lastReady), (one) => this.#ask(one));
        const missing = this.#missing();
        if (missing.length === 0) return this.#result("ready", this.#inWords(this.#all));
        const pauses = missing.map((one) => this.#pause(one).usualMs);
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
  async #follow(asked: Asked): Promise<void> {
    const { probe } = asked;
    using between = probe.onReady
      ? new Call(probe.onReady.bind(probe))
      : new Interval(this.#o.clock, this.#signs);
    while (!await this.#ask(asked)) await between.wait(this.#pause(asked), this.#signal);
  }

  async #ask(asked: Asked): Promise<boolean> {
    const { clock, timeoutMs } = this.#o;
    const pull = !asked.probe.onReady;
    if (pull) this.#signs.asking();
    const result = asked.result = await asked.probe.check({ signal: this.#signal, timeoutMs });
    const unheard = result.state === "unasked" || (result.state === "waiting" && result.unheard === true);
    if (pull) this.#signs.asked(!unheard && result.state !== "timeout");
    asked.heardAt = unheard ? null : asked.heardAt ?? clock.now();
    asked.wrongAt = result.state === "wrong" ? asked.wrongAt ?? clock.now() : null;
    if (result.state === "ready") this.#lastReady = asked;
    this.#report();
    return result.state === "ready";
  }

  #pause({ heardAt }: Asked): Pause {
    const { clock, pollMaxMs, expectedMs } = this.#o;
    return nextPause({
      waitedMs: clock.now() - this.#began,
      heardMs: heardAt === null ? null : clock.now() - heardAt,
      maxMs: pollMaxMs,
      expectedMs,
    });
  }

  #missing(): Asked[] {
    return this.#all.filter(({ result }) => result?.state !== "ready");
  }

  #report(): void {
    const text = this.#inWords(this.#missing().filter(({ result }) => result));
    if (text !== "" && text !== this.#lastReported) this.#o.onWaiting?.(this.#lastReported = text);
    const wrong = this.#inWords(this.#wrongFor(tellWrongAfterMs)) || null;
    if (wrong !== this.#lastWrong) this.#o.onWrong?.(this.#lastWrong = wrong);
    const hopeless = this.#wrongFor(giveUpAfterMs);
    if (hopeless.length > 0) throw new StaysWrong(this.#inWords(hopeless));
  }

  /** The probes that have been wrong for at least so long. */
  #wrongFor(ms: number): Asked[] {
    const since = this.#o.clock.now() - ms;
    return this.#all.filter(({ wrongAt }) => (wrongAt ?? Infinity) <= since);
  }

  /** With several probes, each answer says whose it is. */
  #inWords(some: Asked[]): string {
    const prefix = ({ probe }: Asked) => this.#all.length > 1 ? `${probe.description}: ` : "";
    return some.map((asked) => prefix(asked) + asked.result?.detail).join("; ");
  }

  async #together(some: Asked[], act: (asked: Asked) => Promise<unknown>): Promise<void> {
    await Promise.allSettled(some.map(async (asked) => {
      try {
        await act(asked);
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
