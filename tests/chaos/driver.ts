/**
 * Chaos: round after round something random is done to the running program at a random moment, then everything must
 * come to rest, and what must hold is looked at. One seed decides what is done, to whom and when (how the system
 * schedules it is its own affair). Spec: §4, §6, §8, §10, §13.
 */
import { checkEnded, checkKilled, checkRunning } from "./invariants.ts";
import { type Done, type Fault, faults } from "./faults.ts";
import { listens, pause } from "./look.ts";
import { names } from "./assistant.ts";
import { Prng } from "./prng.ts";
import { type Phase, World } from "./world.ts";

export interface ChaosOptions {
  rounds: number;
  seed: number;
  /** Told after each round. */
  onRound?(round: number, text: string): void;
}

/** One fault in one state, and what became of it. */
export interface Outcome {
  fault: string;
  state: Phase | "not running";
  outcome: string;
}

export interface ChaosReport {
  seed: number;
  rounds: number;
  loaders: number;
  ms: number;
  outcomes: Outcome[];
  /** The log folder was a small disk that could be filled. */
  smallDisk: boolean;
}

export class ChaosError extends Error {}

/** Runs to the end, or throws a {@link ChaosError} that tells how to see it again. */
export async function chaos(o: ChaosOptions): Promise<ChaosReport> {
  const rng = new Prng(o.seed);
  const began = performance.now();
  await using world = new World();
  const report: ChaosReport = {
    seed: o.seed,
    rounds: o.rounds,
    loaders: 0,
    ms: 0,
    outcomes: [],
    smallDisk: world.smallDisk,
  };
  for (let round = 1; round <= o.rounds; round++) {
    const outcomes: Outcome[] = [];
    try {
      world.note(`round ${round}`);
      await play(world, rng.fork(), report, outcomes);
    } catch (error) {
      throw new ChaosError(failure(world, o, round, error), { cause: error });
    }
    report.outcomes.push(...outcomes);
    o.onRound?.(round, outcomes.map((x) => `${x.fault} (${x.state}): ${x.outcome}`).join("; "));
  }
  if (world.running) {
    world.ending = "stop";
    world.signal("SIGTERM");
    await checkEnded(world);
  }
  report.ms = performance.now() - began;
  return report;
}

async function play(world: World, rng: Prng, report: ChaosReport, outcomes: Outcome[]): Promise<void> {
  if (!world.running) {
    if (rng.chance(0.06) && !world.orphaned) return await strangerRound(world, rng, report, outcomes);
    await world.start(rng.fork());
    report.loaders++;
    if (rng.chance(0.5)) await pause(rng.int(0, 450));
    else await world.quiet();
  }
  const done: { fault: Fault; phase: Phase; done: Done }[] = [];
  for (let n = rng.chance(0.6) ? 1 : rng.int(2, 4); n > 0; n--) {
    const fault = rng.weighted(faults);
    const { phase } = world;
    const one = await fault.do(world, rng.fork());
    if (one) done.push({ fault, phase, done: one });
    if (rng.chance(0.5)) await pause(rng.int(0, 60));
  }
  const told = await Promise.all(done.map((one) => one.done.effect()));
  const follows = await settle(world);
  for (const [i, { fault, phase, done: { service } }] of done.entries()) {
    outcomes.push({ fault: fault.name, state: phase, outcome: told[i] ?? follows(service) });
  }
}

/** Waits for rest, looks at everything; answers what became of a service, or of the loader. */
async function settle(world: World): Promise<(service: string | null) => string> {
  if (world.ending !== null) {
    await world.loader!.exit(6000).catch((error) => {
      if (world.running) throw error;
    });
  }
  const status = await world.quiet();
  if (status) {
    await checkRunning(world, status);
    return (name) => {
      const service = status.services.find((s) => s.name === name);
      if (!service) return status.state === "DEGRADED" ? "goes on, DEGRADED" : "goes on";
      if (service.state === "up") return "up";
      return service.state === "failed" ? "given up, DEGRADED" : service.state;
    };
  }
  if (world.ending === "killed") {
    if (world.orphaned) {
      const left = world.processes().length > 0;
      return () => left ? "services live on; the next boot stops them" : "nothing ran yet";
    }
    await checkKilled(world);
    return () => world.prechecked ? "guardian stopped all" : "nothing ran yet";
  }
  const ended = await checkEnded(world);
  return () => ended;
}

/** Somebody else holds a port when the loader starts. */
async function strangerRound(
  world: World,
  rng: Prng,
  report: ChaosReport,
  outcomes: Outcome[],
): Promise<void> {
  const name = rng.pick(names);
  const port = world.ports[name];
  world.note(`a stranger holds the port of ${name}`);
  const thief = world.thief(port);
  try {
    if (!await thief.taken || !await listens(port)) throw new Error("the stranger did not get the port");
    const loader = await world.start(rng.fork());
    report.loaders++;
    const code = await loader.exit();
    const said = loader.messages("LOADER", "ERROR").join("\n");
    for (const part of [`${port}`, `pid ${thief.pid}`, `thief ${port}`]) {
      if (!said.includes(part)) throw new Error(`the error does not name ${part}: ${said}`);
    }
    if (code !== 3) throw new Error(`exit code ${code}`);
    if (!thief.alive()) throw new Error("the stranger was killed");
    outcomes.push({
      fault: "stranger on a port",
      state: "not running",
      outcome: "exit 3, named; the stranger lives",
    });
  } finally {
    await thief.end();
  }
}

function failure(world: World, o: ChaosOptions, round: number, error: unknown): string {
  return [
    `chaos failed in round ${round} of seed ${o.seed}`,
    `again: deno task chaos --rounds ${round} --seed ${o.seed}`,
    error instanceof Error ? error.stack ?? error.message : String(error),
    "--- what was done ---",
    ...world.log.slice(-40),
    "--- the loader's last lines ---",
    ...(world.loader?.lines ?? []).filter((line) => !line.text.includes("flood ")).slice(-60)
      .map((line) => `${(line.at / 1000).toFixed(3)} ${line.text}`),
    ...world.loader?.errors ?? [],
  ].join("\n");
}
