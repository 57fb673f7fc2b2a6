/** Who decides something at a service's turns (the GPU's coordinator, the boot's machine), and is asked for it. Spec: §5, §6. */
import type { ServicePlan } from "../model/plan.ts";
import type { Actual, Fault } from "../model/states.ts";
import type { Supervised } from "../services/supervised.ts";
import type { ServiceState } from "./service_machine.ts";

/** A supervised service, as its hooks see it. */
export interface Overseen {
  readonly name: string;
  readonly plan: ServicePlan;
  readonly state: Readonly<ServiceState>;
  readonly service: Supervised;
}

export interface SupervisorHooks {
  /** Called before each start; a rejected promise is a failed start with this reason (admission of GPU memory). */
  beforeStart?(supervisor: Overseen, signal: AbortSignal): Promise<void>;
  /** Called when ready and warmed, before it counts as up; a fault it returns sends it to the restart policy. */
  beforeUp?(supervisor: Overseen, signal: AbortSignal): Promise<Fault | null>;
  /** Called after each look at its processes. */
  looked?(): void;
  /** Called right before each stop, while what is to be stopped may still be there. */
  beforeStop?(supervisor: Overseen): void;
  /** Called after each stop, before anything is started again. */
  afterStop?(supervisor: Overseen): Promise<void>;
  /** Called after each change of its state: what becomes of the boot is decided by it. */
  changed?(supervisor: Overseen, from: Actual, to: Actual): void;
  /** Signs of work that somebody else knows of (GPU use), in words, for liveness. */
  signOfWork?(supervisor: Overseen): string | null;
}
