/**
 * Tells people by the receivers that the configuration names. Who emits a fact never waits: here it is only written down.
 * What nobody could be told survives the program in `notify.json` of the state folder.
 */
import { reasonOf } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { Fact } from "../model/events.ts";
import type { BootPlan, ReceiverPlan } from "../model/plan.ts";
import type { LoaderStatus } from "../model/status.ts";
import { Redactor } from "../redact.ts";
import { parseJson, recordOf } from "../shape.ts";
import { shortHash } from "../short_hash.ts";
import { type Clock, every } from "../sys/clock.ts";
import { readSmallFile, writeAtomically } from "../sys/files/files.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { timeOfDay } from "../text.ts";
import { Incidents } from "./incidents.ts";
import { Outbox } from "./outbox.ts";
import { deliver, type DeliverOptions, receiverName } from "./receivers.ts";

export interface MessengerOptions {
  /** Asked each time: a reload brings another one. Its receivers are those of the beginning. */
  plan: () => BootPlan;
  status: () => LoaderStatus;
  clock: Clock;
  log: Log;
  run: RunCommand;
}

const backoffMs = { first: 5000, most: 600_000 };
/** A machine may sleep, and its clock be set: what waits for a time of day looks at it so often, ms. */
const lookMs = 60_000;
/** For what is being told at the end, ms. */
const lastWordsMs = 1000;
const fileName = "notify.json";
const largestFile = 1 << 20;

const timeOf = (at: number) => timeOfDay(new Date(at));

export class Messenger implements AsyncDisposable {
  #o: MessengerOptions;
  #incidents: Incidents;
  #receivers: Receiver[];
  #timer: Disposable | null = null;
  #held = new DisposableStack();
  #closing = new AbortController();
  #path: string;
  #warned = false;
  #redactor = new Redactor();

  constructor(options: MessengerOptions) {
    this.#o = options;
    const plan = options.plan();
    this.#redactor.learn(plan);
    this.#incidents = new Incidents(() => options.plan().services, () => options.status().talk.text);
    this.#path = `${plan.dirs.state}/${fileName}`;
    const kept = recordOf(this.#read());
    const deliverOptions = { signal: this.#closing.signal, run: options.run, instance: plan.instance };
    const toTell = plan.notify.filter(({ to }) => to.kind !== "dead_man");
    this.#receivers = toTell.map((receiver) =>
      new Receiver(receiver, kept[keyOf(receiver)], {
        ...options,
        ...deliverOptions,
        keep: () => this.#keep(),
      })
    );
    for (const receiver of plan.notify) {
      if (receiver.to.kind !== "dead_man") continue;
      const ping = () => void deliver(receiver, nothing, deliverOptions).catch(() => {});
      ping();
      this.#held.use(every(options.clock, receiver.to.everyMs, ping));
    }
  }

  note(fact: Fact): void {
    this.#incidents.note(fact, this.#now());
    this.#tell();
  }

  #now(): number {
    return this.#o.clock.wall().getTime();
  }

  #tell(): void {
    const news = this.#incidents.due(this.#now());
    for (const { title, text, ...more } of news) {
      const clean = { ...more, title: this.#redactor.text(title), text: this.#redactor.text(text) };
      for (const receiver of this.#receivers) receiver.add(clean);
    }
    if (news.length > 0) this.#keep();
    this.#timer?.[Symbol.dispose]();
    const { next } = this.#incidents;
    this.#timer = next === null
      ? null
      : this.#o.clock.after(Math.max(0, next - this.#now()), () => this.#tell());
  }

  #read(): unknown {
    try {
      return parseJson(readSmallFile(this.#path, largestFile) ?? "");
    } catch {
      return undefined;
    }
  }

  #keep(): void {
    const kept = Object.fromEntries(this.#receivers.map((each) => [keyOf(each.plan), each.outbox.kept]));
    try {
      writeAtomically(this.#path, JSON.stringify(kept));
    } catch (error) {
      if (!this.#warned) {
        this.#o.log.warning("LOADER", `Messages that wait are not kept: ${this.#path}: ${reasonOf(error)}`);
      }
      this.#warned = true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#held.dispose();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _limit = this.#o.clock.after(lastWordsMs, resolve);
    for (const receiver of this.#receivers) receiver.lastWords();
    const ended = Promise.all(this.#receivers.map((receiver) => receiver.idle));
    await Promise.race([ended, late]);
    this.#closing.abort(new DOMException("the loader has ended", "AbortError"));
    await ended;
  }
}

const nothing = { kind: "well", title: "", text: "" } as const;
const keyOf = (plan: ReceiverPlan) => shortHash(JSON.stringify(plan.to));

interface ReceiverOptions extends DeliverOptions, Pick<MessengerOptions, "clock" | "log"> {
  /** What waits has changed. */
  keep(): void;
}

/** One receiver: tells it what waits, one message at a time, and tries again ever more seldom when that fails. */
class Receiver {
  readonly plan: ReceiverPlan;
  readonly outbox = new Outbox();
  #o: ReceiverOptions;
  #running: Promise<void> | null = null;
  #backoff = 0;
  /** Aborted when nothing is waited for any more. */
  #waits = new AbortController();

  constructor(plan: ReceiverPlan, kept: unknown, options: ReceiverOptions) {
    this.plan = plan;
    this.#o = options;
    this.outbox.restore(kept);
    if (!this.outbox.isEmpty) this.#start();
  }

  add(news: Parameters<Outbox["add"]>[0]): void {
    this.outbox.add(news);
    this.#start();
  }

  get idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** What is being told is told; nothing else begins. */
  lastWords(): void {
    this.#waits.abort(new DOMException("the loader ends", "AbortError"));
  }

  #start(): void {
    if (this.#waits.signal.aborted) return;
    this.#running ??= this.#run().catch(() => {}).finally(() => this.#running = null);
  }

  async #run(): Promise<void> {
    await null; // what happens at the same moment is told together
    const { clock, log, signal, keep } = this.#o;
    while (!this.outbox.isEmpty) {
      for (let ms; (ms = this.#waitMs()) > 0;) await clock.sleep(Math.min(ms, lookMs), this.#waits.signal);
      const problem = await deliver(this.plan, this.outbox.take(timeOf), this.#o);
      signal.throwIfAborted();
      const name = receiverName(this.plan);
      if (problem === null) {
        if (this.#backoff > 0) log.info("LOADER", `${name} is told again`);
        this.#backoff = 0;
        this.outbox.sent(clock.wall().getTime());
      } else {
        this.outbox.putBack();
        if (this.#backoff === 0) log.warning("LOADER", `Cannot tell ${name}: ${problem}; it is told later`);
        this.#backoff = Math.min(Math.max(backoffMs.first, 2 * this.#backoff), backoffMs.most);
      }
      keep();
      if (this.#backoff > 0) await clock.sleep(this.#backoff, this.#waits.signal);
    }
  }

  /** Until the next message may go, ms. */
  #waitMs(): number {
    const wall = this.#o.clock.wall(), now = wall.getTime();
    return Math.max(this.outbox.mayFrom(now) - now, quietMs(this.plan.quiet, wall));
  }
}

/** How long the quiet hours still last, ms; 0: it is not quiet now. */
export function quietMs(quiet: ReceiverPlan["quiet"], now: Date): number {
  if (quiet === null) return 0;
  const dayMinutes = 24 * 60;
  const minute = now.getHours() * 60 + now.getMinutes();
  const since = (minute - quiet.from + dayMinutes) % dayMinutes;
  const length = (quiet.to - quiet.from + dayMinutes) % dayMinutes;
  if (since >= length) return 0;
  return (length - since) * 60_000 - now.getSeconds() * 1000 - now.getMilliseconds();
}
