/**
 * The loader as a service of systemd: it says when it is ready, what it does and that it lives. sd_notify(3).
 *
 * READY=1 is said at SYSTEM_READY, and also when the boot ends DEGRADED: the start is over then, what works is kept
 * working, and units that wait for us may go on; STATUS= says what does not work. A boot that fails never says it.
 */
import type { Fact, Observer } from "../model/events.ts";
import type { LoaderState } from "../model/states.ts";
import type { LoaderStatus } from "../model/status.ts";
import { notifyText } from "../protocols/sd_notify.ts";
import { type Clock, every } from "../sys/clock.ts";
import { NotifySender } from "../sys/net/notify_sender.ts";
import { monotonicUsec, type ServiceManager } from "../sys/service_manager.ts";

/** A loader, as one who tells of it sees it. */
export interface Told {
  observe(observer: Observer): Disposable;
  status(): LoaderStatus;
}

export interface ServiceManagerOptions {
  clock: Clock;
  /** It cannot be told; said once. */
  warn(message: string): void;
}

/** While it starts and stops, it asks for so much more time, so often, ms. */
const extendMs = 30_000, extendEveryMs = 10_000;
/** What changes many times is told once, ms. */
const statusMs = 100;
/** Nobody listened: said again after, ms. */
const againMs = 1000;
/** For what is still to be said at the end, ms. */
const lastWordsMs = 500;

type Fields = Parameters<typeof notifyText>[0];

const isBooted = (state: LoaderState) => state === "SYSTEM_READY" || state === "DEGRADED";

export class ServiceManagerLink implements AsyncDisposable {
  #loader: Told;
  #o: ServiceManagerOptions;
  #address: string;
  #sender: NotifySender;
  #held = new DisposableStack();
  #closing = new AbortController();
  /** All that was said goes out in its order. */
  #said: Promise<void> = Promise.resolve();
  #unsaid = 0;
  #warned = false;
  #isReady = false;
  #status = "";
  #statusDue: Disposable | null = null;

  constructor(loader: Told, { socket, watchdogMs }: ServiceManager, options: ServiceManagerOptions) {
    this.#loader = loader;
    this.#o = options;
    this.#address = socket;
    this.#sender = this.#held.use(new NotifySender(socket));
    // An earlier version of this program, in whose place we are, has said so.
    this.#isReady = ["SYSTEM_READY", "DEGRADED"].includes(loader.status().state);
    const { clock } = options;
    this.#isReady = isBooted(loader.status().state); // the version before this one has said it
    if (this.#isReady) this.#changed();
    else this.#extend();
    this.#held.use(every(clock, extendEveryMs, () => this.#extend()));
    // By the loop that everything else needs: who hangs gives no sign.
    if (watchdogMs !== null) this.#held.use(every(clock, watchdogMs / 2, () => this.#idly({ WATCHDOG: 1 })));
    this.#held.use(loader.observe((fact) => this.#note(fact)));
  }

  #note(fact: Fact): void {
    switch (fact.fact) {
      case "loader_state":
        if (fact.to === "STOPPING") {
          this.#say({ STOPPING: 1, ...this.#news() });
          return this.#extend();
        }
        if (this.#isReady || !isBooted(fact.to)) return this.#changed();
        this.#isReady = true;
        return this.#say({ READY: 1, ...this.#news() });
      case "reloaded":
        this.#reloading();
        return fact.reload === null ? this.#reloaded() : undefined; // else more follows
      case "reload_refused":
        this.#reloading();
        return this.#reloaded();
      case "reload_over":
        return this.#reloaded();
      case "state":
      case "degraded":
      case "greeting":
      case "prechecked":
        return this.#changed();
    }
  }

  #reloading(): void {
    const usec = monotonicUsec();
    if (this.#isReady) this.#say({ RELOADING: 1, ...(usec === null ? {} : { MONOTONIC_USEC: usec }) });
  }

  /** It is through with that, whatever came of it. */
  #reloaded(): void {
    if (this.#isReady) this.#say({ READY: 1, ...this.#news() });
  }

  #changed(): void {
    this.#statusDue ??= this.#o.clock.after(statusMs, () => {
      this.#statusDue = null;
      const news = this.#news();
      if (news.STATUS !== undefined) this.#say(news);
    });
  }

  /** STATUS=, if it is another one than before. */
  #news(): Fields {
    const { text } = this.#loader.status().talk;
    if (text === this.#status) return {};
    this.#status = text;
    return { STATUS: text };
  }

  #extend(): void {
    if (isBooted(this.#loader.status().state)) return;
    this.#idly({ EXTEND_TIMEOUT_USEC: extendMs * 1000, ...this.#news() });
  }

  /** Only if all else was said: it will be said again. */
  #idly(fields: Fields): void {
    if (this.#unsaid === 0) this.#say(fields);
  }

  #say(fields: Fields): void {
    this.#unsaid++;
    const text = notifyText(fields);
    this.#said = this.#said.then(() => this.#deliver(text)).catch(() => {}).finally(() => this.#unsaid--);
  }

  async #deliver(text: string): Promise<void> {
    const { clock, warn } = this.#o, { signal } = this.#closing;
    while (!signal.aborted && !await this.#sender.send(text)) {
      if (!this.#warned) {
        warn(`NOTIFY_SOCKET is ${JSON.stringify(this.#address)}, and nobody can be told anything there`);
      }
      this.#warned = true;
      await clock.sleep(againMs, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _limit = this.#o.clock.after(lastWordsMs, resolve);
    await Promise.race([this.#said, late]);
    this.#closing.abort(new DOMException("the loader has ended", "AbortError"));
    this.#statusDue?.[Symbol.dispose]();
    this.#held.dispose();
    await this.#said;
  }
}
