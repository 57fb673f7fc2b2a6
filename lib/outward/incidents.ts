/**
 * What a person is told: one message when something has broken, with all that followed from it, and one when it is well
 * again. Hears the facts; has no clock and no way out of its own. Pure.
 */
import type { Fact } from "../model/events.ts";
import { Causes } from "../supervise/causes.ts";
import { belongTogether, chainLines, chainOf, type Known, type Link, namedIn } from "../supervise/chains.ts";
import { seconds } from "../text.ts";

export interface News {
  /** The same for all that happens to who broke first. */
  about: string;
  kind: "down" | "well";
  title: string;
  text: string;
  /** Of the beginning, ms since 1970. */
  since: number;
}

/** When everything that follows has likely followed, ms: then it is told. */
const settleMs = 2000;
/** It is told at the latest after, ms, whatever is still tried. */
const latestMs = 60_000;
/** Up for so long without another fault: well again, ms. */
const stableMs = 10_000;

interface Incident {
  /** Each that is or was a part of it. */
  links: Map<string, Link>;
  began: number;
  /** When it changed last. */
  changed: number;
  /** Who broke first, as it was told; null: it was not told yet. */
  about: string | null;
}

/** Times are ms since 1970. */
export class Incidents {
  #known: () => Known;
  #talk: () => string;
  #causes = new Causes();
  /** Who is wanted and not up, and whether nothing more is tried. */
  #down = new Map<string, { final: boolean }>();
  #open: Incident[] = [];
  #over = false;

  /** `talk`: whether one can talk now, in one sentence. */
  constructor(known: () => Known, talk: () => string) {
    this.#known = known;
    this.#talk = talk;
  }

  note(fact: Fact, at: number): void {
    if (this.#over) return;
    this.#causes.note(fact, new Date(at));
    switch (fact.fact) {
      case "stopping": // what was not told yet is true all the same; what follows is wanted
        this.#over = true;
        for (const incident of this.#open) incident.began = -Infinity;
        return;
      case "state":
        if (fact.to === "up" || fact.desired === "down") this.#end(fact.service, fact.to === "up", at);
        return;
      case "fault":
        if (fact.verdict.kind === "none") return;
        this.#down.set(fact.service, { final: fact.verdict.kind !== "restart" });
        return this.#link(fact.service, namedIn(fact.service, fact.fault, this.#known()), at);
      case "stopped":
        if (this.#down.has(fact.service)) this.#link(fact.service, [], at);
    }
  }

  #link(service: string, names: readonly string[], at: number): void {
    const known = this.#causes.of(service);
    if (!known) return; // it is forgotten: a person wants it started afresh
    const mine = this.#open.find(({ links }) => links.has(service)), before = mine?.links.get(service);
    const link = { service, case: known, names: [...new Set([...before?.names ?? [], ...names])] };
    const incident = mine ?? this.#open.find((other) => this.#goesWith(other, link)) ?? this.#begin(at);
    incident.links.set(service, link);
    incident.changed = at;
  }

  #goesWith({ links }: Incident, link: Link): boolean {
    return [...links.values()].some((other) => belongTogether(other, link));
  }

  #begin(at: number): Incident {
    const incident: Incident = { links: new Map(), began: at, changed: at, about: null };
    this.#open.push(incident);
    return incident;
  }

  /** It is up, or nobody wants it any more. */
  #end(service: string, isUp: boolean, at: number): void {
    if (!this.#down.delete(service)) return;
    const incident = this.#open.find(({ links }) => links.has(service));
    if (!incident) return;
    incident.changed = at;
    if (!isUp) incident.links.delete(service);
  }

  /** What is to be told now. */
  due(at: number): News[] {
    const news: News[] = [];
    this.#open = this.#open.filter((incident) => {
      if (incident.links.size === 0) return false;
      if (incident.about === null) {
        if (at < this.#tellAt(incident)) return true;
        news.push(this.#broken(incident));
      }
      if (at < this.#wellAt(incident)) return true;
      news.push(this.#well(incident));
      return false;
    });
    return news;
  }

  /** When {@link due} may have something to tell, if nothing else happens before; null: not by itself. */
  get next(): number | null {
    const times = this.#open.map((incident) =>
      incident.about === null ? this.#tellAt(incident) : this.#wellAt(incident)
    );
    const next = Math.min(...times);
    return next < Infinity ? next : null;
  }

  #tellAt({ links, began, changed }: Incident): number {
    const tried = [...links.keys()].some((name) => this.#down.get(name)?.final === false);
    return Math.min(began + latestMs, tried ? Infinity : changed + settleMs);
  }

  #wellAt({ links, changed }: Incident): number {
    return this.#over || [...links.keys()].some((name) => this.#down.has(name))
      ? Infinity
      : changed + stableMs;
  }

  #broken(incident: Incident): News {
    const chain = chainOf(incident.links.values()), names = chain.map(({ service }) => service);
    const about = incident.about = names[0]!;
    const isDown = names.some((name) => this.#down.has(name));
    const title = `${listed(names)} ${isDown ? names.length === 1 ? "is down" : "are down" : "went down"}`;
    return { about, kind: "down", title, text: this.#worded(chainLines(chain)), since: sinceOf(chain) };
  }

  #well({ links, about, changed }: Incident): News {
    const names = [...links.keys()].sort((a, b) => Number(b === about) - Number(a === about));
    const title = `${listed(names)} ${names.length === 1 ? "is" : "are"} well again`;
    const since = sinceOf(links.values());
    const text = this.#worded([`After ${seconds(changed - since)}.`]);
    return { about: about!, kind: "well", title, text, since };
  }

  #worded(lines: readonly string[]): string {
    return [this.#talk(), ...lines].join("\n");
  }
}

const sinceOf = (links: Iterable<Link>) =>
  Math.min(...[...links].map((link) => link.case.first.at.getTime()));

/** "a", "a and b", "a, b and 3 more". */
function listed(names: readonly string[]): string {
  if (names.length <= 3) return names.join(", ").replace(/, ([^,]*)$/, " and $1");
  return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}
