/**
 * The beginning of a version of the program that an earlier one has executed in its place: nothing is started, everything
 * is gone on with. What may fail comes first; until then what was handed over is as it was, and the earlier version can
 * have it back.
 */
import { Claims } from "../../clean_start/claims.ts";
import { isAlive } from "../../sys/process/group.ts";
import { StateFile } from "../../clean_start/state_file.ts";
import type { TakeOver } from "../../api/types.ts";
import { LoaderError } from "../../errors.ts";
import type { BootPlan } from "../../model/plan.ts";
import { removeIfThere, restorePrevious } from "../../sys/files/files.ts";
import { goOnFrom } from "../../sys/clock.ts";
import { ownPid } from "../../sys/host.ts";
import { holdBack } from "../../sys/process/descriptors.ts";
import { dieAfter, isOpen, keepOpen } from "../../sys/process/exec.ts";
import { closeFds, keepSpare, writeFd } from "../../sys/process/libc.ts";
import { identityFrom, watchChild } from "../../sys/process/process.ts";
import { signalGroup } from "../../sys/process/group.ts";
import { kernelMs } from "../../sys/service_manager.ts";
import { resolveDemo } from "../../sys/self.ts";
import { version } from "../../version.ts";
import { descriptorsOfStop } from "../precheck.ts";
import type { Giver } from "./hand_over.ts";
import { configurationOf, descriptorsOf, type Handover, handoverPath, recordsOf } from "./handover.ts";

/** Why this version does not take these over; null: it does. For the rehearsal, and once more before it counts. */
export function whyNot(handed: Handover, plan: BootPlan): string | null {
  const records = recordsOf(handed);
  if (typeof records === "string") return `the state file that is handed over ${records}`;
  if (configurationOf(plan) !== handed.configuration) {
    return "the configuration has changed since the loader read it (or this version reads it in another way): " +
      "`alexa-loader reload` or a restart first";
  }
  const lost = handed.services.find(({ name, service: { copy } }) => copy && !records.services.has(name));
  return lost ? `${lost.name} runs and is not on record` : null;
}

/** To be called before anything else is done: times that were handed over mean something, and no child inherits what is ours alone. */
export function begin(handed: Handover): void {
  goOnFrom(handed.now + Math.max(0, kernelMs() - handed.kernelMs));
  if (!isOurProcess(handed)) handed.watcher = null; // it has become us
  keepOpen(descriptorsOf(handed).filter(isOpen), false);
  if (handed.watcher) void watchChild(handed.watcher.pid);
}

/** Goes on with everything. @throws LoaderError when that cannot be; nothing was changed then. */
export async function takeOver(
  { made, life }: Giver,
  openControl: () => Promise<void>,
): Promise<TakeOver> {
  const { plan, log, clock, held } = made, handed = made.handed!;
  const why = whyNot(handed, plan) ??
    descriptorsOf(handed).filter((fd) => !isOpen(fd)).map((fd) => `descriptor ${fd} is gone`)[0];
  if (why) throw new LoaderError("usage", why);
  keepSpare();
  made.reserve = holdBack(descriptorsOfStop);
  held.defer(() => closeFds(...handed.held.lock));
  made.claims = held.use(new Claims(log));
  made.claims.goOn(handed.held.claims);
  const warn = (message: string) => log.warning("LOADER", message);
  const keep = plan.onLoaderDeath === "keep"
    ? (await import("../../services/kept_output.ts")).keptOutput(plan, { resolve: resolveDemo, warn })
    : null;
  log.attachFiles(plan.dirs.log, plan.log);
  const { services: records, strays } = recordsOf(handed) as Exclude<ReturnType<typeof recordsOf>, string>;
  const stateFile = StateFile.open(plan.dirs.state, warn, clock);
  stateFile.begin({ boot: handed.boot, onLoaderDeath: plan.onLoaderDeath, adopted: records });
  stateFile.noteStrays(strays);
  made.makeServices({ keep, stateFile, adopted: new Map() });
  made.metrics.goOn(handed.totalMs);
  await made.openGpu();
  await openControl();

  // From here on nothing fails, and nothing waits.
  endCommands(recordsOf(handed));
  life.goOn(handed.life);
  if (handed.wakeWord) made.wakeWord!.goOn(handed.wakeWord);
  for (const { name, service, supervisor } of handed.services) {
    made.supervisor(name).service.goOn(service, records.get(name));
    made.supervisor(name).goOn(supervisor);
  }
  dieAfter(0);
  if (handed.watcher) {
    writeFd(handed.watcher.pipe, new TextEncoder().encode("taken over\n"));
    closeFds(handed.watcher.pipe);
  }
  removeIfThere(handoverPath(plan.dirs.runtime));
  const returned = handed.returned ?? (isOurProcess(handed) ? null : "it ended before it had taken over");
  if (returned !== null && handed.replaced !== null) restorePrevious(handed.replaced);
  if (life.boot.sequenceOver) made.gpu!.startPolling();
  const result = {
    from: handed.from,
    to: version,
    at: clock.wall().toISOString(),
    services: handed.services.length,
    gap_ms: Math.round(clock.now() - handed.now),
    returned,
  };
  made.events.emit({
    fact: "took_over",
    from: handed.from,
    services: result.services,
    gapMs: result.gap_ms,
    returned,
  });
  return result;
}

/** We are the process that handed over. */
function isOurProcess(handed: Handover): boolean {
  const records = recordsOf(handed);
  return typeof records !== "string" && records.loader.pid === ownPid && isAlive(records.loader);
}

/** Commands of the version before that had not ended: nobody waits for what they say any more. */
function endCommands(records: ReturnType<typeof recordsOf>): void {
  if (typeof records === "string") return;
  for (const id of records.commands.map(identityFrom)) if (isAlive(id)) signalGroup(id.pid, "SIGKILL");
}
