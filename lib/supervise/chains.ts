/** Which cases have one cause, and which of them came first: who names whom, and what began together. Pure. Spec: §6, §13. */
import type { Fault } from "../model/states.ts";
import { type Case, caseText } from "./causes.ts";
import { faultText } from "./wording.ts";

/** A service in trouble. */
export interface Link {
  service: string;
  case: Case;
  /** Who else is named in what it said, by name or port. */
  names: readonly string[];
}

/** Who may be named. */
export type Known = readonly { name: string; bindPort: number | null }[];

/** What begins within this time of something else, ms, is taken for a part of it: a health check needs some 20 s to tell. */
export const togetherMs = 30_000;

/** Its last output is read for names alone, and told to nobody: it may be what somebody said. */
export function namedIn(service: string, fault: Fault, known: Known): string[] {
  const said = [faultText(fault), ..."lastLines" in fault ? fault.lastLines : []].join("\n").slice(0, 20_000);
  return known.filter(({ name, bindPort }) =>
    name !== service &&
    (new RegExp(`\\b${name}\\b`, "i").test(said) ||
      (bindPort !== null && new RegExp(`(:|\\bport )${bindPort}\\b`).test(said)))
  ).map(({ name }) => name);
}

const beganAt = (link: Link) => link.case.first.at.getTime();

/** They have one cause, as far as anyone can tell. */
export function belongTogether(a: Link, b: Link): boolean {
  return a.names.includes(b.service) || b.names.includes(a.service) ||
    Math.abs(beganAt(a) - beganAt(b)) <= togetherMs;
}

/** Of links that have one cause: what began it first, then what followed, in order. */
export function chainOf(links: Iterable<Link>): Link[] {
  const all = [...links].sort((a, b) => beganAt(a) - beganAt(b));
  let root = all[0];
  // Whom it blames may have been found out later: who hangs is only known when it has not answered for some time.
  for (const seen = new Set<Link>(); root && !seen.has(root);) {
    seen.add(root);
    const { names } = root;
    root = all.find((other) => names.includes(other.service)) ?? root;
  }
  return root ? [root, ...all.filter((other) => other !== root)] : [];
}

/** A chain in words, a line each, without what anyone printed: that may be what somebody said. */
export function chainLines(chain: readonly Link[]): string[] {
  return chain.map(({ service, case: { first, last, ...more } }, i) =>
    `${i === 0 ? "" : "then "}${service}: ` +
    caseText({ ...more, first: { ...first, lastLine: null }, last: { ...last, lastLine: null } })
  );
}
