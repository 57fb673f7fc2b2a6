/** Before anything is started: we are the only one, what we need is there, and nothing is in the way. Spec: §4; CONTRACT §8. */
import { adoptable } from "../clean_start/adoption.ts";
import { Claims } from "../clean_start/claims.ts";
import { requireCommands } from "../clean_start/commands.ts";
import { requireDescriptors } from "../clean_start/descriptors.ts";
import { runHygiene } from "../clean_start/hygiene.ts";
import { lockInstance } from "../clean_start/instance_lock.ts";
import { bootsOf } from "../clean_start/leftovers.ts";
import { neededPorts } from "../clean_start/port_owner.ts";
import { type ServiceRecord, StateFile } from "../clean_start/state_file.ts";
import type { Log } from "../log/mod.ts";
import type { BootMetrics } from "../metrics/boot_metrics.ts";
import type { BootPlan } from "../model/plan.ts";
import type { KeptOutput } from "../services/context.ts";
import type { Clock } from "../sys/clock.ts";
import { environment, userId } from "../sys/host.ts";
import { holdBack } from "../sys/process/descriptors.ts";
import { keepSpare } from "../sys/process/libc.ts";
import { resolveDemo } from "../sys/self.ts";
import { version } from "../version.ts";

/** The files that are written take two, a command to ask the GPU six. */
export const descriptorsOfStop = 16;

/** What the precheck needs of a boot. */
export interface Prechecking {
  readonly plan: BootPlan;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the loader stops. */
  readonly stopping: AbortController;
  /** Owns what is held while the loader runs. */
  readonly held: AsyncDisposableStack;
  readonly metrics: BootMetrics;
  reserve: Disposable | null;
  claims: Claims | null;
}

export interface Prechecked {
  /** How output is kept for the next loader; null where nothing outlives this one. */
  keep: KeptOutput | null;
  stateFile: StateFile;
  /** What runs already and may be gone on with. */
  adopted: ReadonlyMap<string, ServiceRecord>;
}

/** `doing` is told what is being looked at, in words. @throws LoaderError that says what is in the way. */
export async function precheck(o: Prechecking, doing: (what: string) => void): Promise<Prechecked> {
  const { plan, clock, log, stopping: { signal } } = o;
  requireDescriptors(plan.services.length);
  keepSpare();
  o.reserve = holdBack(descriptorsOfStop);
  const warn = (message: string) => log.warning("LOADER", message);
  o.held.use(lockInstance(plan.dirs));
  const claims = o.claims = o.held.use(new Claims(log));
  claims.boot(o.bootId);
  claims.ports(neededPorts(plan));
  const keep = plan.onLoaderDeath === "keep"
    ? (await import("../services/kept_output.ts")).keptOutput(plan, { resolve: resolveDemo, warn })
    : null;
  log.attachFiles(plan.dirs.log, plan.log);
  const boot = o.bootId.slice(0, 4);
  log.info(
    "LOADER",
    `alexa-loader ${version}, boot ${boot}, configuration ${plan.configPath}, logs in ${plan.dirs.log}`,
  );
  plan.warnings.forEach(warn);
  doing("looking for the services' commands");
  const known = new Set(Object.keys(o.metrics.readyTimes)); // they came up in an earlier boot: their commands are there
  await requireCommands(plan, { resolve: resolveDemo, env: environment(), known, signal });
  const stateFile = StateFile.open(plan.dirs.state, warn, clock);
  const { previous } = stateFile;
  if (stateFile.warning) warn(stateFile.warning);
  for (const boot of previous ? bootsOf(previous) : []) claims.boot(boot);
  const uid = userId();
  const adopted = keep
    ? adoptable(plan, previous, { uid, log, digest: keep.digest })
    : new Map<string, ServiceRecord>();
  doing("clearing away what is left of earlier boots");
  await runHygiene(plan, {
    clock,
    log,
    previous,
    uid,
    spare: new Set([...adopted.values()].map((record) => record.pid)),
    graceMs: plan.shutdown.graceMs,
    resolve: resolveDemo,
    signal,
  });
  stateFile.begin({ boot: o.bootId, onLoaderDeath: plan.onLoaderDeath, adopted });
  return { keep, stateFile, adopted };
}
