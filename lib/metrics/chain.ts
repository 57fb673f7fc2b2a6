/**
 * What the boot's length is made of: the chain of spans that each waited for the one before, and the time between
 * them, which is the loader's own. Pure functions on a record. Spec: §11.
 */
import { holdsGate } from "./recorder.ts";
import type { BootRecord, Span } from "../model/boot_record.ts";

/** One span of the critical chain. `wait_ms` lies between the end of the link before (or the program's start) and it. */
export interface Link extends Span {
  wait_ms: number;
}

/** Two spans whose ends are as close as this touch: figures are rounded to 0.1 ms. */
const TOUCH_MS = 0.2;
/** A gap this long, right behind a prepare that ended, was spent waiting for that prepare. */
const WAITED_MS = 5;

const endOf = (span: Span) => span.at_ms + span.ms;
const round = (ms: number) => Math.round(ms * 10) / 10 + 0;

/** Until when the boot lasted: SYSTEM_READY, or the last thing that is known of a boot that did not get there. */
export function bootEnd(record: BootRecord): number {
  return record.total_boot_ms ?? Math.max(0, ...record.spans.map(endOf));
}

/**
 * The spans that made the boot as long as it was, first to last. Found backwards from its end: before each link comes
 * the span that ended last before it began. A prepare is a link only where the boot visibly waited for it; the
 * greeting comes after the boot.
 */
export function criticalChain(record: BootRecord): Link[] {
  const services = record.spans.filter(holdsGate);
  const around = (span: Span) =>
    services.some((inner) => span.at_ms < inner.at_ms && endOf(inner) < endOf(span));
  const byEnd = record.spans
    .filter((span) => !span.name.startsWith("greeting.") && span.ms > 0)
    .filter((span) => span.service !== null || !around(span)) // a span over all services says nothing about any
    .sort((a, b) => endOf(b) - endOf(a) || a.at_ms - b.at_ms);
  const gates = byEnd.filter((span) => span.service === null || holdsGate(span));
  const prepares = byEnd.filter((span) => span.service !== null && !holdsGate(span));
  const chain: Link[] = [];
  let until = bootEnd(record);
  const isLater = (span: Span | undefined) => span !== undefined && endOf(span) > until + TOUCH_MS;
  for (let g = 0, p = 0;;) {
    while (isLater(gates[g])) g++;
    while (isLater(prepares[p])) p++;
    const gate = gates[g], prepare = prepares[p];
    const before = gate ? endOf(gate) : 0;
    const waited = prepare && until - before > WAITED_MS && endOf(prepare) >= until - WAITED_MS;
    const link = waited ? prepare : gate;
    if (!link) return chain;
    // A prepare began beside an earlier service: only its end after that service's gate is part of the chain.
    const from = waited ? Math.max(link.at_ms, before) : link.at_ms;
    const later = chain[0];
    if (later) later.wait_ms = round(Math.max(0, later.at_ms - endOf(link)));
    chain.unshift({ ...link, at_ms: from, ms: round(endOf(link) - from), wait_ms: round(Math.max(0, from)) });
    until = from;
    if (waited) p++;
    else g++;
  }
}

/** Where the loader's own time went, in ms. `ms` is the sum of the other three. */
export interface OwnTime {
  ms: number;
  /** Program start, configuration, precheck: up to the first service. */
  before_ms: number;
  /** From one service's gate to the next one's start, all together. */
  between_ms: number;
  /** From the last gate to SYSTEM_READY. */
  after_ms: number;
}

/** The time that the loader itself added: what of the boot no service on the critical chain accounts for. */
export function ownTime(record: BootRecord, chain: Link[] = criticalChain(record)): OwnTime {
  const links = chain.filter((link) => link.service !== null);
  const end = bootEnd(record);
  const first = links.at(0), last = links.at(-1);
  if (!first || !last) return { ms: round(end), before_ms: round(end), between_ms: 0, after_ms: 0 };
  const covered = links.reduce((sum, link) => sum + link.ms, 0);
  const before = Math.max(0, first.at_ms);
  const after = Math.max(0, end - endOf(last));
  const ms = Math.max(0, end - covered);
  return {
    ms: round(ms),
    before_ms: round(before),
    between_ms: round(Math.max(0, ms - before - after)),
    after_ms: round(after),
  };
}
