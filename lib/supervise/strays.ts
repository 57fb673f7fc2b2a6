/**
 * What a service left behind so that nobody can tell whose it was: its parents died between two looks, and it has a
 * session, an environment and an output of its own. As child subreaper we have inherited it, so it is ours to end, but
 * not with any one service. Spec: §4, §8; CONTRACT §7, §8.
 */
import { family, type ProcessStat } from "../sys/process/procfs.ts";
import { identityText } from "../sys/process/process.ts";
import { reapInherited } from "../sys/process/reaper.ts";
import type { Victim } from "../sys/process/terminate.ts";

export interface StraysOptions {
  /** A service's copy knows it for its own. */
  claimed(orphan: ProcessStat): boolean;
  /** These are all there are now: told when they are others than before. */
  note(who: readonly ProcessStat[]): void;
}

/** Only for a program whose children all are the loader's: another one's would be taken for strays. */
export class Strays implements Victim {
  readonly pgid = 0;
  readonly exited = null;
  #o: StraysOptions;
  #noted = "";

  constructor(o: StraysOptions) {
    this.#o = o;
  }

  /** With those who descend from them. */
  living(): ProcessStat[] {
    return reapInherited().filter((orphan) => !this.#o.claimed(orphan)).flatMap(({ pid }) => family(pid));
  }

  /** Looks, and tells of a change. */
  look(): void {
    const strays = this.living();
    const text = strays.map(identityText).join();
    if (text === this.#noted) return;
    this.#noted = text;
    this.#o.note(strays);
  }
}
