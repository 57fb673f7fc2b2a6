/**
 * Why something does not work, as a chain: what happened first, what was tried since, who is in the way. Gathered from the
 * facts, one case per service, from the moment at which it went wrong until it is up again. Pure. Spec: §6, §13.
 */
import type { Fact } from "../model/events.ts";
import { timeOfDay } from "../text.ts";
import { faultText } from "./wording.ts";

export interface Happened {
  at: Date;
  /** In words. */
  what: string;
  /** The last that it had printed; null where that says nothing. */
  lastLine: string | null;
}

/** One cause, whatever follows from it. */
export interface Case {
  first: Happened;
  /** How often it failed again since, and how the last time. */
  again: number;
  last: Happened;
  /** Why nothing more is tried; null while something is. */
  givenUp: string | null;
  /** Who of it could not be ended, or holds its port, in words. */
  inTheWay: readonly string[];
  /** The reload that brought the settings it failed with; null: it was up with them. */
  reload: number | null;
}

/** How a service stands that is on its way. */
export interface Stand {
  /** Since it is in the state that it is in. */
  since: Date;
  /** What it waits for, in words; null: that is not known yet. */
  missing: string | null;
}

export class Causes {
  #cases = new Map<string, Case>();
  #stands = new Map<string, Stand>();
  /** Who was started for which reload, and has not been up since. */
  #reloads = new Map<string, number>();

  /** The case of a service; null while nothing is wrong with it. */
  of(service: string): Case | null {
    return this.#cases.get(service) ?? null;
  }

  stand(service: string): Stand | null {
    return this.#stands.get(service) ?? null;
  }

  /** The observer; `at`: now. */
  note(fact: Fact, at: Date): void {
    switch (fact.fact) {
      case "state":
        this.#stands.set(fact.service, { since: at, missing: null });
        if (fact.to !== "up") return;
        this.#cases.delete(fact.service);
        return void this.#reloads.delete(fact.service);
      case "waiting":
        return this.#missing(fact.service, fact.missing);
      case "wrong":
        return this.#missing(fact.service, fact.detail);
      case "restart_wanted":
        return void this.#cases.delete(fact.service); // what was before is forgotten
      case "fault": {
        const { fault, verdict } = fact;
        // What had worked until then says nothing by what it printed last.
        const said = "lastLines" in fault && (fault.kind !== "exited" || fault.beforeReady)
          ? fault.lastLines
          : [];
        const happened = { at, what: faultText(fault), lastLine: said.at(-1) ?? null };
        const known = this.#cases.get(fact.service);
        this.#cases.set(fact.service, {
          first: known?.first ?? happened,
          again: known ? known.again + 1 : 0,
          last: happened,
          givenUp: verdict.kind === "give_up" ? verdict.why : null,
          inTheWay: [],
          reload: known ? known.reload : this.#reloads.get(fact.service) ?? null,
        });
        return;
      }
      case "stopped": {
        const known = this.#cases.get(fact.service);
        if (known) this.#cases.set(fact.service, { ...known, inTheWay: fact.report.left });
        return;
      }
      case "reloaded": {
        const { reload, difference, starts } = fact;
        for (const name of difference.removed) this.#cases.delete(name);
        if (reload === null) return;
        for (const { service } of starts) {
          this.#cases.delete(service);
          this.#reloads.set(service, reload);
        }
      }
    }
  }

  #missing(service: string, missing: string | null): void {
    const stand = this.#stands.get(service);
    if (stand) this.#stands.set(service, { ...stand, missing });
  }
}

/** "Killed by SIGKILL after 3.0s at 03:12:04; 3 restarts failed: Exited with code 1 after 0.1s (\"…\"); given up (…)". */
export function caseText({ first, again, last, givenUp, inTheWay, reload }: Case): string {
  const told = ({ what, lastLine }: Happened) =>
    what + (lastLine === null ? "" : ` (${JSON.stringify(lastLine)})`);
  return [
    `${told(first)} at ${timeOfDay(first.at)}`,
    ...reload === null ? [] : [`with the settings that reload ${reload} brought`],
    ...again === 0 ? [] : [
      `${again} ${again === 1 ? "restart" : "restarts"} failed` +
      (told(last).replace(/after [\d.]+s/, "") === told(first).replace(/after [\d.]+s/, "")
        ? " in the same way"
        : `: ${told(last)}`),
    ],
    ...inTheWay.map((who) => `in the way: ${who}`),
    ...givenUp === null ? [] : [`given up (${givenUp})`],
  ].join("; ");
}
