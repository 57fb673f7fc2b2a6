/**
 * Whose turn it is to start, in the boot and in each reload: one after the other, each past its gate before the next. A
 * reload during a round changes who is still to come. Spec: §2, §9.
 */
import type { ManagedService } from "../services/mod.ts";
import { type Startable, startInOrder } from "../supervise/sequence.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { Assembly } from "./assembly.ts";

type Unit = Supervisor<ManagedService>;
interface Turn extends Startable {
  unit: Unit;
}

export class StartQueue {
  #made: Assembly;
  /** Those of the round that have had their turn or have it, then those who are still to come. */
  #round: Turn[] = [];
  #begun = 0;
  #running: Promise<string[]> | null = null;

  constructor(made: Assembly) {
    this.#made = made;
  }

  /** These are due, in the services' order, with those who still are. Resolves with who was given up, when the round is over. */
  add(due: readonly Unit[]): Promise<string[]> {
    const current = this.#round[this.#begun - 1]?.unit;
    // Who has its turn now goes on with it, as it is planned now.
    if (current && due.includes(current)) void current.start();
    const toCome = new Set([...this.#toCome(), ...due]);
    if (current) toCome.delete(current);
    this.#setToCome(this.#made.supervisors.filter((unit) => toCome.has(unit) && !unit.retired));
    if (this.#round.length === 0) return Promise.resolve([]);
    return this.#running ??= this.#go();
  }

  /** Their turn is not to come. */
  drop(who: ReadonlySet<Unit>): void {
    this.#setToCome(this.#toCome().filter((unit) => !who.has(unit)));
  }

  #toCome(): Unit[] {
    return this.#round.slice(this.#begun).map(({ unit }) => unit);
  }

  #setToCome(units: readonly Unit[]): void {
    const turns = units.map((unit) => ({
      name: unit.name,
      unit,
      start: () => {
        this.#begun++;
        return unit.start();
      },
    }));
    this.#round.splice(this.#begun, this.#round.length, ...turns);
  }

  async #go(): Promise<string[]> {
    const { clock, events, prewarmer, gpu, stopping: { signal } } = this.#made;
    const failed: string[] = [];
    let gateAt = clock.now();
    while (this.#round.length > 0) {
      const { prewarm, lookahead } = this.#made.plan;
      failed.push(
        ...await startInOrder(this.#round, {
          signal,
          lookahead: prewarm.enabled ? lookahead : 0,
          prepare: ({ unit }) => {
            unit.prepare();
            const plan = this.#made.planOf(unit.name);
            if (!unit.isUp || plan !== unit.plan) prewarmer.start({ name: unit.name, plan });
          },
          stage: async ({ unit }) => {
            gateAt = clock.now();
            if (unit.isUp) await gpu?.stage(unit.name);
          },
          onGate: ({ name }) =>
            events.emit({ fact: "gate_passed", service: name, lagMs: clock.now() - gateAt }),
        }),
      );
      this.#round = signal.aborted ? [] : this.#round.slice(this.#begun);
      this.#begun = 0;
    }
    this.#running = null;
    return failed;
  }
}
