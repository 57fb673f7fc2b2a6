/**
 * The two gates that the GPU has for a service: does it fit before its start, and is it really there once it is warm?
 * Spec: §5; CONTRACT §1.
 */
import { LoaderError } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { BootPlan } from "../model/plan.ts";
import type { Fault } from "../model/states.ts";
import type { Clock } from "../sys/clock.ts";
import {
  admit,
  commandOf,
  decideAdmission,
  type GpuSnapshot,
  type GpuSource,
  judgeResidency,
  type Need,
  peaksOf,
  predictNeed,
  type Residency,
  type ServiceTrees,
} from "./mod.ts";
import { ollamaResidency } from "./decide/ollama_residency.ts";
import type { GpuService, ServiceGpus } from "./service_gpu.ts";

export interface GpuGatesOptions {
  plan: Pick<BootPlan, "gpu">;
  source: GpuSource;
  clock: Clock;
  log: Log;
  /** Earlier boots, for what a service will need. */
  records: readonly BootRecord[];
  trees(): ServiceTrees;
  /** One look at the GPU, or a fresh one again; null where it does not answer in time. */
  look(signal: AbortSignal): Promise<GpuSnapshot | null>;
}

export class GpuGates {
  #o: GpuGatesOptions;
  #services: ServiceGpus;

  constructor(options: GpuGatesOptions, services: ServiceGpus) {
    this.#o = options;
    this.#services = services;
  }

  /** Does it fit? @throws LoaderError `vram_short` where the configuration says `fail`. */
  async admit(supervisor: GpuService, signal: AbortSignal): Promise<void> {
    const { plan } = supervisor;
    const record = this.#services.of(supervisor.name);
    Object.assign(record, { pids: null, mib: null, holding: null });
    // A standby copy was started before its turn: what it took is no longer free, and needs no room any more.
    if (
      this.#o.source.kind === "none" || plan.gpu === "none" || supervisor.service.external ||
      supervisor.service.copy
    ) {
      record.down = false;
      return;
    }
    const first = await this.#o.look(signal);
    record.before = first;
    const input = {
      service: supervisor.name,
      need: this.#need(supervisor),
      trees: this.#o.trees(),
      commandOf,
    };
    const short = !admit({ ...input, snapshot: first }).ok;
    if (short && !await this.#residesInOllama(supervisor, signal)) {
      const decision = await decideAdmission({ ...input, first, source: this.#o.source }, {
        onShort: this.#o.plan.gpu.onShort,
        waitMs: this.#o.plan.gpu.waitMs,
        clock: this.#o.clock,
        log: (level, message) => this.#o.log.line("LOADER", level, message),
        signal,
      });
      if (!decision.start) throw new LoaderError("vram_short", decision.message, { hint: decision.hint });
    }
    record.down = false;
  }

  /** Ollama keeps models beyond our stops and starts: what it holds already needs no room. */
  async #residesInOllama(supervisor: GpuService, signal: AbortSignal): Promise<boolean> {
    return (await ollamaResidency(supervisor.plan, { clock: this.#o.clock, signal }))?.verdict === "gpu";
  }

  #need(supervisor: GpuService): Need | null {
    return predictNeed(supervisor.plan.vramMb, peaksOf(this.#o.records, supervisor.name));
  }

  /** Proof of residency. A fault only where the GPU is required, and only once: a second copy on the CPU stays. */
  async beforeUp(supervisor: GpuService, signal: AbortSignal): Promise<Fault | null> {
    const { plan } = supervisor;
    const record = this.#services.of(supervisor.name);
    record.onCpu = false;
    if (plan.gpu === "none") return null;
    const residency = await this.#residency(supervisor, signal);
    if (!residency) return null;
    if (residency.verdict === "gpu" || residency.verdict === "unknown") {
      if (residency.verdict === "gpu") record.retried = false;
      this.#o.log.debug(plan.tag, residency.message);
      return null;
    }
    if (plan.gpu === "required" && !record.retried && this.#mayRestart(supervisor)) {
      record.retried = true;
      return { kind: "on_cpu", detail: residency.message.replace(/^READY ON CPU: /, "") };
    }
    record.onCpu = true;
    this.#o.log.warning(plan.tag, `${residency.message}; ${residency.hint}`);
    return null;
  }

  /** Null where there is nothing to prove. */
  async #residency(supervisor: GpuService, signal: AbortSignal): Promise<Residency | null> {
    const ollama = await ollamaResidency(supervisor.plan, { clock: this.#o.clock, signal });
    if (ollama) return ollama;
    if (!supervisor.service.copy) return null;
    if (this.#o.source.kind === "none") { // that was told at the start
      this.#services.of(supervisor.name).onCpu = true;
      return null;
    }
    return judgeResidency({
      expectedMib: this.#need(supervisor)?.mib ?? null,
      pids: supervisor.service.copy.processTree(),
      before: this.#services.of(supervisor.name).before,
      after: await this.#o.look(signal),
    });
  }

  /** A service on the CPU is better than one that was given up for it. */
  #mayRestart({ plan, state }: GpuService): boolean {
    const { type, maxRestarts, windowMs } = plan.restart;
    const counted = state.restarts.filter((at) => this.#o.clock.now() - at < windowMs).length;
    return type !== "never" && counted < maxRestarts;
  }
}
