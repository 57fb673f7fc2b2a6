/**
 * What is done in which round: drawn from the seed alone. First every kind of fault is tried in every state, in an order
 * that is drawn, so that a short run reaches all of them; from then on by their weights.
 */
import type { Fault } from "./faults.ts";
import type { Prng } from "./prng.ts";
import type { Phase } from "./world.ts";

export type State = Phase | "not running" | "any";

export interface Round {
  /** What the loader is to be doing when the first fault comes; "any": whatever it does after a while. */
  state: State;
  /** Empty when nothing runs: then a stranger takes a port. */
  faults: Fault[];
}

const phases: readonly Phase[] = ["starting", "ready", "degraded", "stopping"];

/** Round after round, without an end. */
export function* schedule(rng: Prng, faults: readonly Fault[]): Generator<Round> {
  const layers = phases.map(() => [] as { fault: Fault; state: Phase }[]);
  for (const fault of faults) {
    for (const [i, state] of rng.shuffled(phases).entries()) layers[i]!.push({ fault, state });
  }
  for (const layer of layers) {
    yield { state: "not running", faults: [] };
    let rest = rng.shuffled(layer);
    while (rest.length > 0) {
      const { state } = rest[0]!;
      const now = rest.filter((one) => one.state === state).slice(0, howMany(rng));
      rest = rest.filter((one) => !now.includes(one));
      yield { state, faults: now.map(({ fault }) => fault) };
    }
  }
  for (;;) {
    if (rng.chance(0.04)) yield { state: "not running", faults: [] };
    else {
      const state = rng.pick(phases);
      yield { state, faults: Array.from({ length: howMany(rng) }, () => rng.weighted(faults)) };
    }
  }
}

function howMany(rng: Prng): number {
  return rng.chance(0.4) ? 1 : rng.int(2, 4);
}

/** `kill -9` only, one a round, at any moment: a third of them of loader and guardian at once. */
export function* killStorm(rng: Prng, faults: readonly Fault[]): Generator<Round> {
  const named = (name: string, weight: number) => ({ weight, fault: faults.find((f) => f.name === name)! });
  const kills = [
    named("SIGKILL to loader and guardian", 10),
    named("SIGKILL to the loader", 10),
    named("service killed (SIGKILL)", 7),
    named("guardian killed", 3),
  ];
  for (;;) yield { state: "any", faults: [rng.weighted(kills).fault] };
}
