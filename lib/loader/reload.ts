/**
 * Takes a new configuration over while the loader runs: what has not changed is not touched. First all is looked at that can
 * be wrong, and until then nothing changes; then who is not wanted any more is stopped, and what is new or was started with
 * other settings gets its turn as in a boot. Loaded when it is first asked for. Spec: §3, §6.
 */
import { requireCommands } from "../clean_start/commands.ts";
import { runHygiene } from "../clean_start/hygiene.ts";
import { neededPorts } from "../clean_start/port_owner.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { isSuccess, percentile } from "../metrics/figures.ts";
import type { PlanDifference, ReloadReport, ServiceChange } from "../model/difference.ts";
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { isEmpty, planDifference, takenOver } from "../plan/mod.ts";
import type { ManagedService } from "../services/mod.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import { environment, userId } from "../sys/host.ts";
import { resolveDemo } from "../sys/self.ts";
import type { Assembly } from "./assembly.ts";
import type { BootInterpreter } from "./boot_interpreter.ts";
import type { StartQueue } from "./start_queue.ts";

type Unit = Supervisor<ManagedService>;

export interface ReloadOptions {
  /** Who asked, in words for the log. */
  by: string;
  /** Only look at what it would do. */
  dryRun: boolean;
}

export class Reloader {
  #made: Assembly;
  #life: BootInterpreter;
  #queue: StartQueue;
  #count = 0;
  /** One changes the plan at a time; who waits for services to come up is in nobody's way. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(made: Assembly, life: BootInterpreter, queue: StartQueue) {
    this.#made = made;
    this.#life = life;
    this.#queue = queue;
  }

  /** Resolves when all that is started for it is up or given up. @throws LoaderError that says what is wrong; nothing was changed. */
  async reload(o: ReloadOptions): Promise<ReloadReport> {
    const { clock, events: { emit } } = this.#made;
    const began = clock.now();
    const { report, over } = await this.#inTurn(() => this.#begin(o)).catch((error) => {
      if (!o.dryRun) emit({ fact: "reload_refused", by: o.by, why: whyOf(error) });
      throw error;
    });
    const { reload } = report;
    if (reload === null) return report;
    await over;
    const failed = report.starts.map(({ service }) => service).filter((name) => !this.#isUp(name));
    if (!this.#made.stopping.signal.aborted) {
      emit({ fact: "reload_over", reload, failed, ms: clock.now() - began });
      await this.#inTurn(() => this.#letGoPorts());
    }
    return { ...report, failed };
  }

  async #inTurn<T>(act: () => T | Promise<T>): Promise<T> {
    const mine = this.#last.then(act);
    this.#last = mine.catch(() => {});
    return await mine;
  }

  #isUp(name: string): boolean {
    return this.#made.supervisors.some((unit) => unit.name === name && unit.isUp);
  }

  /** Until the new plan holds, and room is made for it. `over`: its services have had their turn. */
  async #begin({ by, dryRun }: ReloadOptions): Promise<{ report: ReloadReport; over?: Promise<unknown> }> {
    const made = this.#made, next = await this.#mayGoOn().reread();
    this.#mayGoOn();
    const old = made.plan, difference = planDifference(old, next), plan = takenOver(old, next);
    const starting = this.#starting(plan, difference);
    const report: ReloadReport = {
      reload: null,
      difference,
      starts: starting.map(({ name: service }) => ({ service, p95_ms: this.#p95(service) })),
      failed: [],
    };
    if (!isEmpty(difference)) await this.#look(plan, starting, dryRun);
    if (dryRun) return { report };
    this.#mayGoOn();
    if (!isEmpty(difference)) report.reload = ++this.#count;
    made.plan = plan;
    if (plan.shutdown.graceMs !== old.shutdown.graceMs) made.guardian?.renew(plan.shutdown.graceMs);
    made.events.emit({ fact: "reloaded", by, ...report });
    if (isEmpty(difference)) return { report };
    await this.#makeRoom(this.#takeOver(difference, starting));
    const due = new Set(starting.map(({ name }) => name));
    return {
      report,
      over: this.#queue.add(made.supervisors.filter((unit) => !unit.retired && due.has(unit.name))),
    };
  }

  #mayGoOn(): { reread: NonNullable<Assembly["reread"]> } {
    const { reread, stopping } = this.#made, { phase } = this.#life.boot;
    if (reread && !stopping.signal.aborted && phase !== "INIT") return { reread };
    const why = reread ? `the loader is ${phase}` : "it has no configuration that it could read again";
    throw new LoaderError("usage", `cannot reload: ${why}`);
  }

  /** A fresh copy is needed: what runs was started otherwise, or is not up as it is. */
  #needsFresh({ service, restarts }: ServiceChange): boolean {
    return restarts || !this.#isUp(service);
  }

  /** Who is to be started for it, in their order: not who has yet to be in any case, nor whom somebody has stopped. */
  #starting(plan: BootPlan, { added, changed }: PlanDifference): ServicePlan[] {
    const isAtRest = (name: string) => {
      const { actual, desired } = this.#made.supervisor(name).state;
      return actual === "idle" || (actual === "stopping" && desired === "down");
    };
    const fresh = changed.filter((change) => this.#needsFresh(change) && !isAtRest(change.service));
    const names = new Set([...added, ...fresh.map(({ service }) => service)]);
    return plan.services.filter(({ name }) => names.has(name));
  }

  /** From its start to its gate, by the successful boots so far. */
  #p95(name: string): number | null {
    const records = this.#made.metrics.history.records.filter(isSuccess);
    const figures = records.flatMap(({ services }) => services.filter((service) => service.name === name));
    return percentile(
      figures.flatMap(({ adopted, time_to_ready_ms: ready, warmup_ms: warmup }) =>
        adopted || ready === null ? [] : ready + (warmup ?? 0)
      ),
      95,
    );
  }

  /** @throws LoaderError for what a boot's precheck would refuse, too. A dry run ends nobody and claims nothing. */
  async #look(plan: BootPlan, starting: ServicePlan[], dryRun: boolean): Promise<void> {
    const { gpu, claims, clock, log, plan: old, stopping: { signal } } = this.#made;
    const lost = starting.filter((service) => service.gpu === "required" && service.manage === "spawn");
    if (gpu && !gpu.present && lost.length > 0) {
      const who = lost.map(({ name }) => name).join(", ");
      throw new LoaderError(
        "gpu_missing",
        `${who}: gpu: required, but there was no GPU when the loader started`,
        {
          hint: "restart the loader once it is there",
        },
      );
    }
    await requireCommands({ services: starting }, { resolve: resolveDemo, env: environment(), signal });
    if (dryRun) return;
    const ours = neededPorts(old);
    const services = starting.filter(({ bindPort }) => bindPort !== null && !ours.has(bindPort));
    const taken = { ...plan, services };
    claims?.ports(neededPorts(taken));
    try {
      await runHygiene({ ...taken, hygiene: { ...plan.hygiene, unixSockets: [], pidFiles: [] } }, {
        clock,
        log,
        previous: null,
        uid: userId(),
        graceMs: plan.shutdown.graceMs,
        resolve: resolveDemo,
        signal,
      });
    } catch (error) {
      this.#letGoPorts();
      throw error;
    }
  }

  /** The services follow the plan from here on. Gives who is to be gone before anything starts: for good, or off a port of another's. */
  #takeOver({ removed, changed }: PlanDifference, starting: ServicePlan[]): Unit[] {
    const made = this.#made, due = new Set(starting.map(({ name }) => name));
    const leaving = made.inStopOrder().filter(({ name, plan, retired }) => {
      if (retired || removed.includes(name)) return true;
      const next = made.planOf(name); // of another kind it is another service
      return next.role !== plan.role || next.manage !== plan.manage;
    });
    for (const unit of leaving) unit.retire();
    for (const change of changed) {
      const unit = made.supervisor(change.service);
      if (!unit.retired) unit.replan(made.planOf(change.service), this.#needsFresh(change));
    }
    const wanted = neededPorts(made.plan);
    const blocking = made.inStopOrder().filter(({ name, plan: { bindPort: port }, retired }) =>
      !retired && due.has(name) && port !== null && wanted.get(port)?.some((service) => service.name !== name)
    );
    this.#queue.drop(new Set([...leaving, ...blocking]));
    this.#arrange();
    return [...leaving, ...blocking];
  }

  async #makeRoom(going: readonly Unit[]): Promise<void> {
    const { stopping, force } = this.#made;
    for (const unit of going) await unit.stop(force.signal);
    const gone = new Set(going.filter(({ retired, standing }) => retired && !standing.lastStop?.stuck));
    for (const { service } of gone) await service[Symbol.asyncDispose]();
    if (stopping.signal.aborted) return;
    this.#made.supervisors = this.#made.supervisors.filter((unit) => !gone.has(unit));
    this.#arrange();
    this.#letGoPorts();
    this.#life.lookAgain();
  }

  /** The ports that nobody has or will have any more are other loaders' to take. */
  #letGoPorts(): void {
    const { plan, supervisors, claims } = this.#made;
    const had = supervisors.flatMap(({ plan: { bindPort } }) => bindPort ?? []);
    claims?.onlyPorts(new Set([...neededPorts(plan).keys(), ...had]));
  }

  /** One service for each of the plan's, in its order. Who could not be ended keeps the place: never two copies. */
  #arrange(): void {
    const made = this.#made;
    const leaving = made.supervisors.filter((unit) => unit.retired);
    const blocked = new Set(leaving.map(({ name }) => name));
    made.supervisors = [
      ...leaving,
      ...made.plan.services.filter(({ name }) => !blocked.has(name)).map((service) =>
        made.supervisors.find((unit) => unit.name === service.name) ?? made.makeSupervisor(service)
      ),
    ];
  }
}

function whyOf(error: unknown): string {
  return reasonOf(error) + (error instanceof LoaderError && error.hint ? `; ${error.hint}` : "");
}
