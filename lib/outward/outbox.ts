/**
 * What waits to be told to one receiver. What has to wait (for the night to end, for a receiver that is down, or since
 * there were too many) is told together, in one message. Pure.
 */
import { figure, listOf, type Reader, shaped, text, tryRead, unfit } from "../shape.ts";
import type { News } from "./incidents.ts";

/** One or more of {@link News} about the same. */
export interface Waiting extends News {
  /** How often it went down, of what is told by this. */
  downs: number;
}

export interface Message {
  /** Whether all of it is well now. */
  kind: News["kind"];
  title: string;
  text: string;
}

/** So many in an hour, whatever happens. */
const mostPerHour = 6, hourMs = 3_600_000;
const mostWaiting = 32;
const longestTitle = 200, longestText = 4000;

export interface Kept {
  waiting: Waiting[];
  /** Times of the messages of the last hour, ms since 1970. */
  sent: number[];
}

const bounded: Reader<string> = (value) => text(value).slice(0, longestText);
const keptReader: Reader<Kept> = shaped<Kept>({
  waiting: listOf(
    shaped<Waiting>({
      about: bounded,
      kind: (value) => value === "down" || value === "well" ? value : unfit("kind"),
      title: bounded,
      text: bounded,
      since: figure,
      downs: figure,
    }),
    mostWaiting,
  ),
  sent: listOf(figure, mostPerHour),
});

export class Outbox {
  #waiting = new Map<string, Waiting>();
  /** What is being told: nobody knows yet whether it arrives. */
  #taken: Waiting[] = [];
  #sent: number[] = [];

  /** What {@link kept} gave, from a disk; of what does not fit, nothing is taken. */
  restore(kept: unknown): void {
    const found = tryRead(keptReader, kept);
    if (!found) return;
    this.#sent = found.sent;
    for (const waiting of found.waiting) put(this.#waiting, waiting);
  }

  get kept(): Kept {
    return { waiting: [...this.#all().values()], sent: this.#sent };
  }

  add(news: News): void {
    put(this.#waiting, { ...news, downs: news.kind === "down" ? 1 : 0 });
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** From when on one more may be sent. */
  mayFrom(now: number): number {
    this.#sent = this.#sent.filter((at) => at > now - hourMs && at <= now);
    return this.#sent.length < mostPerHour ? now : this.#sent[0]! + hourMs;
  }

  /** All that waits, as one message, which is {@link sent} then, or {@link putBack}. */
  take(timeOf: (at: number) => string): Message {
    const taken = this.#taken = [...this.#all().values()];
    this.#waiting.clear();
    const parts = taken.map((waiting) => worded(waiting, timeOf));
    const kind = taken.every((waiting) => waiting.kind === "well") ? "well" : "down";
    const titles = parts.map(({ title }) => title).join("; ");
    const all = parts.map(({ title, text }) => parts.length === 1 ? text : `${title}\n${text}`).join("\n\n");
    return { kind, title: cut(titles, longestTitle), text: cut(all, longestText) };
  }

  putBack(): void {
    this.#waiting = this.#all();
    this.#taken = [];
  }

  sent(at: number): void {
    this.#taken = [];
    this.#sent.push(at);
  }

  /** With what is being told; that came before. */
  #all(): Map<string, Waiting> {
    const all = new Map<string, Waiting>();
    for (const waiting of [...this.#taken, ...this.#waiting.values()]) put(all, waiting);
    return all;
  }
}

/** Of more than fit, the oldest goes. */
function put(all: Map<string, Waiting>, next: Waiting): void {
  const before = all.get(next.about);
  all.delete(next.about); // it moves to the end
  if (all.size === mostWaiting) all.delete(all.keys().next().value!);
  all.set(next.about, before ? joined(before, next) : next);
}

/** What broke is told of the last time; that it is well again is told beside it. */
function joined(before: Waiting, next: Waiting): Waiting {
  const broke = next.downs > 0 ? next : before;
  return {
    ...broke,
    kind: next.kind,
    since: Math.min(before.since, next.since),
    downs: before.downs + next.downs,
  };
}

function worded({ about, kind, title, text, downs, since }: Waiting, timeOf: (at: number) => string) {
  if (downs === 0 || (downs === 1 && kind === "down")) return { title, text };
  const now = kind === "well" ? "well again" : "down";
  if (downs === 1) return { title: `${title.replace(/ (is|are|went) down$/, "")} went down, ${now}`, text };
  const often = `${about} went down ${downs} times since ${timeOf(since)}, now ${now}`;
  return { title: often, text: `The last time:\n${text}` };
}

const cut = (text: string, most: number) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
