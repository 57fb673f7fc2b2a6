/** Goes on with what a dead loader's services left running, as far as it is healthy; the rest is stopped. CONTRACT §1. */
import type { ServiceRecord } from "../clean_start/state_file.ts";
import { KwdService } from "../services/mod.ts";
import type { Assembly } from "./assembly.ts";

export async function goOnWith(made: Assembly, records: ReadonlyMap<string, ServiceRecord>): Promise<void> {
  await Promise.all([...records].map(async ([name, record]) => {
    const supervisor = made.supervisor(name);
    const whyNot = await supervisor.service.adopt(record);
    if (whyNot !== null) {
      made.events.emit({ fact: "not_adopted", service: name, pid: record.pid, why: whyNot });
      return void await supervisor.service.stop();
    }
    supervisor.adopt();
    // The assistant went on without us: it has greeted, or it is too late for that.
    if (supervisor.service instanceof KwdService) made.wakeWord?.send({ type: "adopted" });
  }));
}
