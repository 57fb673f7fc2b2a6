/** Who hears the facts of a boot. */
import type { Observer } from "../model/events.ts";
import { sentences } from "../supervise/sentences.ts";
import { greetingSentences } from "../voice/sentences.ts";
import { announcements } from "./announcements.ts";
import { notifier } from "./notifier.ts";
import type { Observed } from "./observed.ts";
import { bootSelftest } from "./boot_selftest.ts";
import { turnKeeper } from "./turn_keeper.ts";
import { reloadWords } from "./reload_words.ts";

/** In the order in which they are told; what keeps figures comes first. Another one is a file of its own and a line here. */
export const observers: ((boot: Observed) => Observer)[] = [
  ({ metrics }) => (fact) => metrics.note(fact),
  ({ counters }) => counters.note,
  ({ prewarmer }) => (fact) => prewarmer.note(fact),
  ({ causes, clock }) => (fact) => causes.note(fact, clock.wall()),
  ({ happened, clock }) => (fact) => happened.note(fact, clock.wall()),
  turnKeeper,
  bootSelftest,
  (boot) => sentences(boot.log, () => boot.plan.services),
  (boot) => greetingSentences(boot.log, () => boot.plan.services),
  ({ log }) => reloadWords(log),
  notifier,
  ({ log, metrics }) => announcements(log, (totalMs) => metrics.totalLine(totalMs)),
];
