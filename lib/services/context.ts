/** What all services of one boot share. */
import type { Fact } from "../model/events.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { Clock } from "../sys/clock.ts";
import type { CommandOwner } from "../sys/process/command.ts";
import type { Identity } from "../sys/process/process.ts";
import type { Log } from "../log/mod.ts";
import type { OutputFiles } from "./output_tail.ts";

export interface ServiceContext {
  /** Id of this boot, in the environment of every service: by it a process is proved to be ours. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells whoever observes this boot. */
  emit(fact: Fact): void;
  /** The environment the loader itself was started with: the base of each service's own. */
  readonly environment: Readonly<Record<string, string>>;
  /** Private folder for the notify sockets. */
  readonly runtimeDir: string;
  /** Services outlive the loader (`on_loader_death: keep`): their output goes to files. Null: through pipes. */
  readonly keep: KeptOutput | null;
  /** The argv that really runs: `@demo` stands for the program itself. */
  resolve(argv: readonly string[]): string[];
  /** A process was started; told before anything else happens, so that no moment is unrecorded. */
  onSpawned(service: ServicePlan, child: Identity): void;
  /** These of its processes, all there are now, left its group and carry no mark of ours: only who saw them knows. */
  seen(service: ServicePlan, child: Identity, who: readonly Identity[]): void;
  /** The last process of this copy is gone. */
  onGone(service: ServicePlan, child: Identity): void;
  /** The same for the commands of a probe, a warm-up or a control verb. */
  readonly commands: CommandOwner;
}

/** How processes that outlive the loader are started, and where their output lies. Loaded only where it is needed. */
export interface KeptOutput {
  /** Opens the files of a service's output; `fresh`: for a copy that is yet to be started. @throws when that is not possible. */
  open(service: string, o: { fresh: boolean }): OutputFiles;
  spawnToFile: typeof import("../sys/files/output_file.ts").spawnToFile;
  OutputTail: typeof import("./output_tail.ts").OutputTail;
  /** What a service is started with, as one word: only a process of the same is gone on with. */
  digest(service: ServicePlan): string;
}

/** Environment variables by which a process is known as ours. */
export const bootIdVariable = "ALEXA_BOOT_ID";
export const serviceVariable = "ALEXA_SERVICE";

/** What a service finds in its environment, and each command that is run for it. */
export function serviceEnvironment(plan: ServicePlan, context: ServiceContext): Record<string, string> {
  return {
    ...context.environment,
    ...plan.env,
    [serviceVariable]: plan.name,
    [bootIdVariable]: context.bootId,
  };
}
