/** What a rule is. Rules are pure: a snapshot in, what is wrong out. */
import type { Severity } from "../model/doctor.ts";
import type { Facts } from "./facts.ts";

/** What is seen, in one case; with a `mend` of its own where the rule's general one can be more exact. */
export type Case = string | { what: string; mend: string };

export interface Rule {
  id: string;
  severity: Severity;
  /** Where it looks. */
  looksAt: string;
  /** What one sees, in general. */
  sees: string;
  /** Why that comes about, and what it does. */
  why: string;
  /** A command that mends it, or a sentence to follow. */
  mend: string;
  /** All cases of it; null when there is nothing to judge. */
  check(facts: Facts): Case[] | null;
}

/** A case if `is`, else none. */
export const when = (is: boolean, found: Case): Case[] => is ? [found] : [];
