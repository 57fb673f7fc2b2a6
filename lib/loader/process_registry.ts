/**
 * The processes that we have started, told to those who end them when we cannot: the guardian, and the state file for the
 * next loader. Spec: §4; CONTRACT §8.
 */
import type { StateFile } from "../clean_start/state_file.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { KeptOutput, ServiceContext } from "../services/context.ts";
import type { GuardianKeeper } from "../supervise/guardian_keeper.ts";
import type { Clock } from "../sys/clock.ts";
import type { CommandOwner } from "../sys/process/command.ts";
import { type Identity, identityText } from "../sys/process/process.ts";

export interface ProcessRegistryOptions {
  bootId: string;
  clock: Clock;
  stateFile: StateFile;
  /** Null where the services are to outlive us. */
  guardian: GuardianKeeper | null;
  keep: KeptOutput | null;
}

export class ProcessRegistry implements Pick<ServiceContext, "onSpawned" | "seen" | "onGone" | "commands"> {
  #o: ProcessRegistryOptions;
  /** Commands that we run ourselves are known as services are. */
  readonly commands: CommandOwner;
  /** Those that run. */
  readonly running: Set<string> = new Set();

  constructor(o: ProcessRegistryOptions) {
    this.#o = o;
    const { guardian, stateFile } = o, { running } = this;
    this.commands = {
      onSpawned(command) {
        running.add(identityText(command));
        guardian?.note(command);
        stateFile.noteCommand(command);
      },
      onGone(command) {
        running.delete(identityText(command));
        guardian?.forget(command);
        stateFile.forgetCommand(command);
      },
    };
  }

  onSpawned(service: ServicePlan, child: Identity): void {
    const { bootId, clock, guardian, keep, stateFile } = this.#o;
    guardian?.note(child);
    stateFile.record(service.name, {
      pid: child.pid,
      startTime: child.startTime,
      pgid: child.pid,
      boot: bootId,
      spawnedAt: clock.wall().toISOString(),
      port: service.bindPort,
      digest: keep?.digest(service) ?? null,
      ready: false,
      seen: [],
    });
  }

  seen(service: ServicePlan, child: Identity, who: readonly Identity[]): void {
    this.#o.guardian?.seen(child, who);
    this.#o.stateFile.note(service.name, child, { seen: who.map(identityText) });
  }

  onGone(service: ServicePlan, child: Identity): void {
    this.#o.guardian?.forget(child);
    this.#o.stateFile.remove(service.name, child);
  }

  /** These are all the orphans that nobody can tell whose they are. */
  strays(who: readonly Identity[]): void {
    this.#o.guardian?.seen({ pid: 0, startTime: 0 }, who);
    this.#o.stateFile.noteStrays(who.map(identityText));
  }
}
