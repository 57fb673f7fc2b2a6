/**
 * Chaos: round after round something random is done to the running program at a random moment, then everything must
 * come to rest, and what must hold is looked at. One seed decides what is done, to whom and when (how the system
 * schedules it is its own affair). Spec: §4, §6, §8, §10, §13.
 */
import type { LoaderStatus } from "../../lib/model/status.ts";
import { BrokenInvariant, checkEnded, checkKilled, checkRunning, hold } from "./invariants.ts";
import { type Done, type Fault, faults } from "./faults.ts";
import { isRunning, listens, pause } from "./look.ts";
import { names, noRestartCode } from "./assistant.ts";
import { Prng } from "./prng.ts";
import { killStorm, type Round, schedule, type State } from "./schedule.ts";
import { until } from "../support/loader_process.ts";
import { type Phase, World } from "./world.ts";

export interface ChaosOptions {
  rounds: number;
  seed: number;
  /** `kill -9` only. */
  kills?: boolean;
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
  kills: boolean;
  loaders: number;
  ms: number;
  outcomes: Outcome[];
  /** The invariant that did not hold, or what else went wrong: the run ends with the first. */
  broken: string[];
  /** The log folder was a small disk that could be filled. */
  smallDisk: boolean;
}

/** Tells how to see it again. */
export class ChaosError extends Error {
  /** Of the rounds up to the one that failed. */
  readonly report: ChaosReport;

  constructor(message: string, report: ChaosReport, cause: unknown) {
    super(message, { cause });
    this.report = report;
  }
}

/** What a round needs beside the world. */
interface Run {
  world: World;
  report: ChaosReport;
  /** What could not be done when it was its turn: done as soon as all is ready. */
  owed: Fault[];
}

/** Runs to the end, or throws a {@link ChaosError}. */
export async function chaos(o: ChaosOptions): Promise<ChaosReport> {
  const rng = new Prng(o.seed);
  const began = performance.now();
  await using world = new World();
  const possible = faults.filter((fault) => world.smallDisk || fault.name !== "log disk full");
  const rounds = (o.kills ? killStorm : schedule)(rng.fork(), possible);
  const report: ChaosReport = {
    seed: o.seed,
    rounds: 0,
    kills: o.kills ?? false,
    loaders: 0,
    ms: 0,
    outcomes: [],
    broken: [],
    smallDisk: world.smallDisk,
  };
  const run: Run = { world, report, owed: [] };
  while (report.rounds < o.rounds) {
    report.rounds++;
    const before = report.outcomes.length;
    try {
      world.note(`round ${report.rounds}`);
      await play(run, rounds.next().value as Round, rng.fork());
    } catch (error) {
      report.broken.push(error instanceof BrokenInvariant ? error.invariant : String(error).split("\n")[0]!);
      report.ms = performance.now() - began;
      throw new ChaosError(failure(world, o, report.rounds, error), report, error);
    }
    const done = report.outcomes.slice(before);
    o.onRound?.(report.rounds, done.map((x) => `${x.fault} (${x.state}): ${x.outcome}`).join("; "));
  }
  if (world.running) await stop(run);
  report.ms = performance.now() - began;
  return report;
}

async function play(run: Run, round: Round, rng: Prng): Promise<void> {
  const { owed } = run;
  await reach(run, round.state, rng.fork());
  if (round.state === "not running") return await strangerRound(run, rng);
  const more = round.state === "ready" ? owed.splice(0, 2) : [];
  if (await torment(run, [...round.faults, ...more], rng.fork())) return;
  await reach(run, "ready", rng.fork());
  await torment(run, owed.splice(0, 4), rng.fork());
}

/** Does these faults, and looks what has become of everything; false when none of them could be done. */
async function torment(run: Run, planned: readonly Fault[], rng: Prng): Promise<boolean> {
  const { world, report, owed } = run;
  const done: { fault: Fault; phase: Phase; done: Done }[] = [];
  for (const fault of planned) {
    const { phase } = world;
    const one = await attempt(world, fault, rng.fork());
    if (one) done.push({ fault, phase, done: one });
    else owed.push(fault);
    if (rng.chance(0.5)) await pause(rng.int(0, 60));
  }
  const told = await Promise.all(done.map((one) => one.done.effect()));
  const follows = await settle(world);
  for (const [i, { fault, phase, done: { service } }] of done.entries()) {
    report.outcomes.push({ fault: fault.name, state: phase, outcome: told[i] ?? follows(service) });
  }
  return done.length > 0;
}

/** What cannot be done yet can be a moment later, as long as the loader does the same. */
async function attempt(world: World, fault: Fault, rng: Prng): Promise<Done | null> {
  const { phase } = world;
  for (let tries = 0; tries < 12 && world.running && world.phase === phase; tries++) {
    const done = await fault.do(world, rng.fork());
    if (done) return done;
    await pause(40);
  }
  return null;
}

/** Brings the loader into a state; what is done there comes at a moment that is drawn. */
async function reach(run: Run, state: State, rng: Prng): Promise<void> {
  const { world } = run;
  const fresh = async () => {
    await world.start(rng.fork());
    run.report.loaders++;
  };
  if (state === "any") {
    if (!world.running) await fresh();
    return await pause(rng.int(0, 1200));
  }
  if (state === "not running") {
    if (world.orphaned && !world.running) await fresh();
    if (world.running) await stop(run);
    return;
  }
  if (world.running && (state === "starting" || (state !== "degraded" && world.phase === "degraded"))) {
    await stop(run);
  }
  if (!world.running) await fresh();
  if (state === "starting") return await pause(rng.int(0, 450));
  let status = await rest(world);
  if (state === "degraded" && status?.state === "SYSTEM_READY") {
    const copy = rng.pick(world.leaders());
    if (await world.ask(copy.service, { do: "exit", code: noRestartCode })) {
      await until(`the end of ${copy.service}`, () => !isRunning(copy) || !world.running);
    }
    status = await rest(world);
  }
  if (status === null) await checkEnded(world); // a boot that failed, or fail_fast_on_repeated_failures
  else if (state === "stopping") {
    world.askedToStop();
    world.signal("SIGINT");
    await pause(rng.int(0, 30));
  }
}

async function rest(world: World): Promise<LoaderStatus | null> {
  return await hold("rest", () => world.quiet());
}

async function stop({ world }: Run): Promise<void> {
  if (await rest(world)) {
    world.askedToStop();
    world.signal("SIGTERM");
    await world.loader!.exit().catch((error) => {
      if (world.running) throw error;
    });
  }
  await checkEnded(world);
}

/** Waits for rest, looks at everything; answers what became of a service, or of the loader. */
async function settle(world: World): Promise<(service: string | null) => string> {
  if (world.ending !== null) {
    await world.loader!.exit(6000).catch((error) => {
      if (world.running) throw error;
    });
  }
  const status = await rest(world);
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

/** The one fault that is done while nothing runs. */
export const strangerOnPort = "stranger on a port";

/** Somebody else holds a port when the loader starts. */
async function strangerRound({ world, report }: Run, rng: Prng): Promise<void> {
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
    report.outcomes.push({
      fault: strangerOnPort,
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
    `again: deno task ${o.kills ? "kill-storm" : "chaos"} --rounds ${round} --seed ${o.seed}`,
    error instanceof Error ? error.stack ?? error.message : String(error),
    "--- what was done ---",
    ...world.log.slice(-40),
    "--- the loader's last lines ---",
    ...(world.loader?.lines ?? []).filter((line) => !line.text.includes("flood ")).slice(-60)
      .map((line) => `${(line.at / 1000).toFixed(3)} ${line.text}`),
    ...world.loader?.errors ?? [],
  ].join("\n");
}
