/** What is known of each service and the GPU. */
import type { ServicePlan } from "../model/plan.ts";
import type { GpuSnapshot } from "./types.ts";

/** A supervised service, as far as the GPU is concerned. */
export interface GpuService {
  readonly name: string;
  readonly plan: ServicePlan;
  readonly state: { readonly restarts: readonly number[] };
  readonly service: {
    readonly external: boolean;
    readonly copy: { processTree(): ReadonlySet<number> } | null;
  };
}

/** A service's processes and the GPU while they held memory on it. */
export interface Holding {
  snapshot: GpuSnapshot;
  pids: ReadonlySet<number>;
}

/** What is known of one service and the GPU. */
export interface ServiceGpu {
  /** It is being stopped or not started: its holding stays as it was. */
  down: boolean;
  /** The GPU as it was before its start, for the proof of residency. */
  before: GpuSnapshot | null;
  /** Its processes at the last snapshot, and what they held, MiB; null where that was not seen or cannot be told. */
  pids: ReadonlySet<number> | null;
  mib: number | null;
  /** What it held when it was last seen alive: what must come back after its stop. */
  holding: Holding | null;
  onCpu: boolean;
  /** It was started anew once since its model was not on the GPU. */
  retried: boolean;
}

/** One record for each service, made when it is first asked for. */
export class ServiceGpus {
  #records = new Map<string, ServiceGpu>();

  of(service: string): ServiceGpu {
    let record = this.#records.get(service);
    if (!record) {
      record = {
        down: false,
        before: null,
        pids: null,
        mib: null,
        holding: null,
        onCpu: false,
        retried: false,
      };
      this.#records.set(service, record);
    }
    return record;
  }
}
