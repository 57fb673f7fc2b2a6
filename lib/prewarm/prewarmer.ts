/** The file prewarm of a whole boot: one service at a time, in the order of their turns, each until it is ready. Spec: §9. */
import { reasonOf } from "../errors.ts";
import type { Fact } from "../model/events.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport } from "../model/reports.ts";
import type { Clock } from "../sys/clock.ts";
import type { Allowance } from "./files.ts";

/** The service whose files are brought; a `Supervisor` is one. */
export interface Prewarmed {
  readonly name: string;
  readonly plan: ServicePlan;
}

export interface PrewarmerOptions {
  clock: Clock;
  /** `prewarm` of the plan: model files, tokenizer files. */
  files: boolean;
  tokenizers: boolean;
  env: Readonly<Record<string, string>>;
  /** The loader stops: everything ends, and nothing is told any more. */
  signal: AbortSignal;
  /** Told `prepared` once per service for which there was something to do. */
  emit(fact: Fact): void;
}

/** Background work of the loader, which must dispose of it; nothing of it is under way after that. */
export class Prewarmer implements AsyncDisposable {
  readonly #o: PrewarmerOptions;
  readonly #wanted = new Map<string, { plan: ServicePlan; controller: AbortController }>();
  #last: Promise<void> = Promise.resolve();
  #allowance: Allowance | null = null;

  constructor(o: PrewarmerOptions) {
    this.#o = o;
  }

  /** Brings the files of a service, after those of the ones before it. Once per plan of it, if it is configured. */
  start(supervisor: Prewarmed): void {
    const { files, tokenizers, signal } = this.#o;
    if (signal.aborted || !supervisor.plan.prepare.files || !(files || tokenizers)) return;
    if (this.#wanted.get(supervisor.name)?.plan === supervisor.plan) return;
    this.stop(supervisor.name, "its settings have changed");
    const controller = new AbortController();
    this.#wanted.set(supervisor.name, { plan: supervisor.plan, controller });
    this.#last = this.#last.then(() =>
      this.#prewarm(supervisor, AbortSignal.any([controller.signal, signal]))
    );
  }

  /** The observer: the files of a service that is ready, or given up, are of no use any more. */
  note(fact: Fact): void {
    if (fact.fact !== "state") return;
    const { service, to } = fact;
    if (to === "warming" || to === "up") this.stop(service, "the service is ready");
    if (to === "failed") this.stop(service, "the service was given up");
    if (to === "away") this.stop(service, "the service is away");
  }

  stop(service: string, why: string): void {
    this.#wanted.get(service)?.controller.abort(new DOMException(why, "AbortError"));
  }

  async #prewarm(supervisor: Prewarmed, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { clock, env, files, tokenizers } = this.#o;
    const beganAt = clock.now();
    let report: PrepareReport;
    try {
      // Loaded when it is first needed: the first service does not wait for it.
      const [{ allowanceOf, prewarmFiles }, { kernelMachine }] = await Promise.all([
        import("./files.ts"),
        import("./pressure.ts"),
      ]);
      const machine = kernelMachine();
      report = await prewarmFiles(supervisor.plan, {
        clock,
        signal,
        env,
        home: env.HOME ?? "/",
        models: files,
        tokenizers: tokenizers && supervisor.plan.prepare.tokenizers,
        machine,
        allowance: this.#allowance ??= allowanceOf(machine),
      });
    } catch (error) { // A prepare never fails the boot.
      const problem = `files were not prepared: ${reasonOf(error)}`;
      report = { kind: "files", ms: clock.now() - beganAt, bytes: null, cachedShare: null, problem };
    }
    if (report.kind === "none" || this.#o.signal.aborted) return;
    this.#o.emit({ fact: "prepared", service: supervisor.name, report, beganAt });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { controller } of this.#wanted.values()) controller.abort();
    await this.#last;
  }
}
