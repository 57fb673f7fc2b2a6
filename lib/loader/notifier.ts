/** The observer that tells people what broke. Without receivers in the configuration nothing of it is loaded. Spec: §12. */
import type { Fact, Observer } from "../model/events.ts";
import type { Observed } from "./observed.ts";

export function notifier(boot: Observed): Observer {
  if (boot.plan.notify.length === 0) return () => {};
  /** Until it is loaded. */
  const early: Fact[] = [];
  let note: Observer = (fact) => void early.push(fact);
  async function open() {
    const { Messenger } = await import("../outward/messenger.ts");
    const { status, clock, log, run, held } = boot;
    if (held.disposed) return;
    const messenger = held.use(new Messenger({ plan: () => boot.plan, status, clock, log, run }));
    note = (fact) => messenger.note(fact);
    for (const fact of early.splice(0)) note(fact);
  }
  return (fact) => {
    note(fact);
    // From now on the state folder is ours, and what we start is known.
    if (fact.fact === "prechecked" || fact.fact === "took_over") {
      const opening = open().catch((error) => boot.log.error("LOADER", `Nobody is notified: ${error}`));
      boot.held.defer(() => opening);
    }
  };
}
