/**
 * What is measured, and how: each experiment is one look at real processes and gives a few numbers; how often it is
 * repeated, and what the numbers are held against, is the caller's business and the table's below.
 */
import { percentile } from "../../lib/metrics/figures.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { readStat } from "../../lib/sys/process/procfs.ts";
import { readBytes } from "../../lib/sys/process/libc.ts";
import {
  BenchError,
  monotonicMs,
  portOf,
  type Run,
  type ServiceSpec,
  until,
  type Workshop,
} from "./workload.ts";

/** Numbers by the metric's id. */
export type Sample = Record<string, number>;

export interface Experiment {
  id: string;
  brief: string;
  /** At most so many runs, where one takes long; undefined: as many as asked for. */
  runs?: number;
  once(shop: Workshop): Promise<Sample>;
}

export interface Metric {
  id: string;
  brief: string;
  unit: string;
  /** What is promised of the median. */
  most?: number;
}

const chain = [["kwd", 300], ["stt", 600], ["llm", 900], ["tts", 400]] as const;
const loadMs = chain.reduce((sum, [, ms]) => sum + ms, 0);
/** How much of each load standby can take on. */
const preparable = 0.8;

const fourServices = (prepared = false): ServiceSpec[] =>
  chain.map(([name, ms]) => ({
    name,
    port: portOf(name),
    loadMs: ms,
    ...(prepared ? { prepareMs: ms * preparable } : {}),
  }));

const manyServices = (count: number): ServiceSpec[] =>
  Array.from({ length: count }, (_, i) => ({ name: `s${i}`, port: portOf(`s${i}`), loadMs: 0 }));

/** From each service's ready to the next one's first instruction, ms. @throws BenchError when the order was not kept. */
function gateLags(run: Run, services: readonly ServiceSpec[], event = "start"): number[] {
  const stamps = run.stamps();
  const at = (name: string, what: string) => stamps.find((s) => s.name === name && s.event === what)!.value;
  return services.slice(1).map((service, i) => {
    const earlier = services[i]!;
    const lag = at(service.name, event) - at(earlier.name, "ready");
    if (lag < 0) throw new BenchError(`${service.name} went on before ${earlier.name} was ready`);
    return lag;
  });
}

async function bootTime(run: Run, services: readonly ServiceSpec[]): Promise<number> {
  return (await run.stamp(services.at(-1)!.name, "ready")).value - run.launchedAt;
}

/** Resident memory of a process, MB. */
function residentMb(pid: number): number {
  const status = new TextDecoder().decode(readBytes(`/proc/${pid}/status`) ?? new Uint8Array());
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1000;
}

/** CPU time of a process so far, ms, to 10 ms. */
const cpuMs = (pid: number) => (readStat(pid)?.cpuTicks ?? NaN) * 10;

/** The chain, a crash of its last service, and the stop. */
async function boot(shop: Workshop): Promise<Sample> {
  const services = fourServices();
  await using run = shop.boot("boot", services);
  const total = await bootTime(run, services);
  const first = (await run.stamp("kwd", "start")).value - run.launchedAt;
  const lags = gateLags(run, services);
  await run.says("SYSTEM_READY:");
  await systemClock.sleep(300);
  const killedAt = monotonicMs();
  Deno.kill((await run.stamp("tts", "start")).pid, "SIGKILL");
  const respawn = (await run.stamp("tts", "start", 2)).value - killedAt;
  await run.stamp("tts", "ready", 2);
  await systemClock.sleep(300);
  return {
    boot_overhead: total - loadMs,
    first_exec: first,
    gate_lag: percentile(lags, 50)!,
    gate_lag_worst: Math.max(...lags),
    respawn,
    stop: await run.stop(),
  };
}

/** The first start after the program's files were dropped from the page cache, as after the machine's own boot. */
async function cold(shop: Workshop): Promise<Sample> {
  const services = fourServices();
  const why = await shop.dropFromPageCache();
  if (why !== null) return unavailable(why);
  await using run = shop.boot("boot", services);
  return { cold_first_exec: (await run.stamp("kwd", "start")).value - run.launchedAt };
}

/** No figure, and why: said once. */
function unavailable(why: string): Sample {
  console.error(`  unavailable: ${why}`);
  return {};
}

/** What is done before the first service executes: the loader's own lines tell when it was where, to 1 ms. */
async function explain(shop: Workshop): Promise<Sample> {
  const services = fourServices();
  await firstStart(shop.boot("explain", services, { log_dir: `${shop.dir}/explain` }));
  Deno.removeSync(`${shop.dir}/explain`, { recursive: true });
  await using run = shop.boot("explain", services, { log_dir: `${shop.dir}/explain` });
  await run.says("SYSTEM_READY:");
  const lines = Deno.readTextFileSync(`${shop.dir}/explain/loader.log`) +
    Deno.readTextFileSync(`${shop.dir}/explain/kwd.log`);
  const told = (words: string) => {
    const line = lines.split("\n").find((line) => line.includes(words)) ?? "";
    return Date.parse(line.slice(0, 24)) - (performance.timeOrigin + performance.now() - monotonicMs()) -
      run.launchedAt;
  };
  const began = told(", configuration ");
  const checked = told("PRECHECK: ");
  const executed = (await run.stamp("kwd", "start")).value - run.launchedAt;
  return {
    explain_runtime: began,
    explain_precheck: checked - began,
    explain_spawn: executed - checked,
  };
}

async function bootFloor(shop: Workshop): Promise<Sample> {
  const services = fourServices();
  await using run = shop.bootFloor(services);
  const total = await bootTime(run, services);
  return { floor_boot_overhead: total - loadMs, floor_gate_lag: percentile(gateLags(run, services), 50)! };
}

async function notify(shop: Workshop): Promise<Sample> {
  const services = fourServices().map((service) => ({ ...service, readiness: { type: "notify" } }));
  await using run = shop.boot("notify", services);
  await bootTime(run, services);
  return { notify_gate_lag: percentile(gateLags(run, services), 50)! };
}

async function overlap(shop: Workshop): Promise<Sample> {
  const services = fourServices(true);
  await using run = shop.boot("overlap", services, { prepare: { lookahead: "all" } });
  const total = await bootTime(run, services);
  gateLags(run, services, "ready"); // proves the order: each bind comes after the one before was ready
  gateLags(run, services, "released");
  const longest = Math.max(...services.map((service) => service.prepareMs!));
  const binds = services.reduce((sum, service) => sum + service.loadMs - service.prepareMs!, 0);
  return { overlap_of_critical_path: total / (longest + binds), overlap_of_sum: total / loadMs };
}

/** A boot that counts for nothing: the next one finds the configuration in the cache, and so never loads its parser. */
async function firstStart(run: Run): Promise<void> {
  await using _ = run;
  await run.says("SYSTEM_READY:");
}

/** @param last what stands in the place of the last service. */
async function idle(shop: Workshop, name: string, last?: Partial<ServiceSpec>): Promise<Sample> {
  const services = fourServices().map((s) => ({ ...s, loadMs: 0, ...(s.name === "tts" ? last : {}) }));
  const boot = () => shop.boot(name, services, { health_check_interval_sec: 5 });
  await firstStart(boot());
  await using run = boot();
  await run.says("SYSTEM_READY:");
  await systemClock.sleep(6000); // past the first checks
  const [from, cpu] = [monotonicMs(), cpuMs(run.pid)];
  await systemClock.sleep(20_000);
  const perMinute = (cpuMs(run.pid) - cpu) / (monotonicMs() - from) * 60_000;
  return { [`${name}_cpu`]: perMinute, [`${name}_rss`]: residentMb(run.pid) };
}

function idleGrpc(shop: Workshop): Promise<Sample> {
  const port = portOf("grpc");
  return idle(shop, "idle_grpc", {
    cmd: ["@demo", "llm", "--port", `${port}`],
    readiness: { type: "grpc", target: `127.0.0.1:${port}` },
  });
}

/**
 * An hour's worth of checks (720 of each service, one every 50 ms) and of restarts. The heap rises between two collections
 * and falls, so what counts is by how much the lowest points of two thirds of the time differ, after a short start.
 */
async function growth(shop: Workshop): Promise<Sample> {
  const services = fourServices().map((service) => ({ ...service, loadMs: 0 }));
  const boot = () => shop.boot("growth", services, { health_check_interval_sec: 0.05 });
  await firstStart(boot());
  await using run = boot();
  await run.says("SYSTEM_READY:");
  const resident: number[] = [];
  for (let nth = 1; nth <= 12; nth++) {
    for (const { name } of services) {
      Deno.kill((await run.stamp(name, "start", nth)).pid, "SIGKILL");
      await run.stamp(name, "ready", nth + 1);
    }
    for (let look = 0; look < 10; look++) {
      await systemClock.sleep(300);
      resident.push(residentMb(run.pid));
    }
  }
  const third = resident.length / 3;
  return {
    growth: Math.min(...resident.slice(-third)) - Math.min(...resident.slice(third / 2, third * 1.5)),
    growth_most: Math.max(...resident),
  };
}

const floodLines = 1_000_000;

async function relay(shop: Workshop): Promise<Sample> {
  const service = { name: "flood", port: portOf("flood"), loadMs: 0, flood: floodLines };
  const logs = `${shop.dir}/logs`; // the same for all runs, or the configuration's cache would not hold
  Deno.mkdirSync(logs, { recursive: true });
  for (const { name } of Deno.readDirSync(logs)) Deno.removeSync(`${logs}/${name}`);
  await using run = shop.boot("relay", [service], {
    log_dir: logs,
    log: { rotate_mb: 10_240, combined: false, child_output: false },
  });
  const began = (await run.stamp("flood", "flood")).value;
  const resident: number[] = [];
  const watch = setInterval(() => resident.push(residentMb(run.pid)), 20);
  try {
    await run.stamp("flood", "flooded");
    const seconds = (await grownTo(`${logs}/flood.log`, floodLines) - began) / 1000;
    const longest = (await run.stamp("flood", "longest_write")).value;
    return { relay: seconds, relay_longest_write: longest, relay_rss: Math.max(...resident) };
  } finally {
    clearInterval(watch);
  }
}

/** The same lines on a standard output that is a file: all of them must come. */
async function stdoutFile(shop: Workshop): Promise<Sample> {
  const service = { name: "flood", port: portOf("flood"), loadMs: 0, flood: floodLines };
  await using run = shop.boot("stdout", [service], { log: { rotate_mb: 10_240, combined: false } });
  const began = (await run.stamp("flood", "flood")).value;
  await run.stamp("flood", "flooded");
  let size = -1;
  let at = monotonicMs();
  for (let quiet = 0; quiet < 10; quiet++) { // a lost last line would never come
    await systemClock.sleep(20);
    const now = Deno.statSync(run.output).size;
    if (now !== size) [size, at, quiet] = [now, monotonicMs(), 0];
  }
  return { stdout_file: (at - began) / 1000, stdout_file_lost: floodLines - await floodLinesIn(run.output) };
}

async function relayFloor(shop: Workshop): Promise<Sample> {
  const into = `${shop.dir}/floor.log`;
  await using run = shop.relayFloor(floodLines, into);
  const began = (await run.stamp("flood", "flood")).value;
  await run.stamp("flood", "flooded");
  return { floor_relay: (await grownTo(into, floodLines) - began) / 1000 };
}

/** When the file held the last line, monotonic ms. @throws BenchError unless every line is there, in order. */
async function grownTo(path: string, lines: number): Promise<number> {
  const last = lineHead(lines - 1);
  const at = await until("the last line", () => tailOf(path).includes(last) && monotonicMs());
  const came = await floodLinesIn(path);
  if (came !== lines) throw new BenchError(`${came} of ${lines} lines came`);
  return at;
}

/** How many of the flood's lines a file has. @throws BenchError when they are not in order. */
async function floodLinesIn(path: string): Promise<number> {
  let count = 0;
  let before = "";
  let rest = "";
  using file = Deno.openSync(path, { read: true });
  for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + text).split("\n");
    rest = whole.pop()!;
    for (const line of whole) {
      const head = /L\d{9} flood xxx/.exec(line)?.[0];
      if (head === undefined) continue; // the service's and the loader's own words
      if (head <= before) throw new BenchError(`not in order: ${line}`);
      before = head;
      count++;
    }
  }
  return count;
}

const lineHead = (number: number) => `L${String(number).padStart(9, "0")} flood`;

function tailOf(path: string): string {
  try {
    using file = Deno.openSync(path, { read: true });
    const bytes = new Uint8Array(Math.min(1000, file.statSync().size));
    file.seekSync(-bytes.length, Deno.SeekMode.End);
    return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
  } catch {
    return "";
  }
}

async function scale(shop: Workshop, count: number): Promise<Sample> {
  const services = manyServices(count);
  await using run = shop.boot(`scale${count}`, services);
  const total = await bootTime(run, services);
  gateLags(run, services);
  await run.says("SYSTEM_READY:");
  await systemClock.sleep(1000);
  const rss = residentMb(run.pid);
  return {
    [`scale_${count}`]: total / 1000,
    [`scale_${count}_stop`]: await run.stop() / 1000,
    [`scale_${count}_rss`]: rss,
  };
}

/** The program's own start, beside a Deno program that prints one line. */
function start(shop: Workshop): Promise<Sample> {
  const time = ([program = "", ...args]: string[]) => {
    const began = monotonicMs();
    const { success } = new Deno.Command(program, { args, env: shop.env, clearEnv: true }).outputSync();
    if (!success) throw new BenchError(`${[program, ...args].join(" ")} failed`);
    return monotonicMs() - began;
  };
  const hello = `${shop.dir}/hello.js`;
  Deno.writeTextFileSync(hello, 'console.log("hello");');
  return Promise.resolve({
    program_start: time([...shop.program, "--version"]),
    floor_start: time([Deno.execPath(), "run", "--no-config", hello]),
  });
}

export const experiments: readonly Experiment[] = [
  { id: "start", brief: "start of the program", once: start },
  { id: "boot", brief: "chain of 300, 600, 900 and 400 ms, a crash, the stop", once: boot },
  { id: "cold", brief: "the same start with the program's files out of the page cache", once: cold },
  { id: "explain", brief: "the same start, where its time goes", once: explain },
  { id: "boot-floor", brief: "the same chain under a bare Deno program", once: bootFloor },
  { id: "notify", brief: "the same chain, ready by READY=1", once: notify },
  { id: "overlap", brief: "the same chain with 80 % of each load done in standby", once: overlap },
  { id: "relay", brief: "1,000,000 lines of 100 bytes into a log file", once: relay },
  { id: "stdout-file", brief: "the same lines on a standard output that is a file", once: stdoutFile },
  { id: "relay-floor", brief: "the same lines, copied by a bare Deno program", once: relayFloor },
  { id: "scale-50", brief: "50 services of 0 ms, one after the other", once: (shop) => scale(shop, 50) },
  { id: "scale-200", brief: "200 services of 0 ms, one after the other", once: (shop) => scale(shop, 200) },
  { id: "idle", brief: "four services, checked every 5 s", runs: 2, once: (shop) => idle(shop, "idle") },
  { id: "idle-grpc", brief: "one of them by gRPC", runs: 1, once: idleGrpc },
  { id: "growth", brief: "an hour's worth of checks and restarts", runs: 1, once: growth },
];

/** In the order of the table; what is indented belongs to the row above it. */
export const metrics: readonly Metric[] = [
  { id: "program_start", brief: "program start (--version)", unit: "ms" },
  { id: "floor_start", brief: "  bare Deno hello", unit: "ms" },
  { id: "boot_overhead", brief: "boot overhead: launch to the last ready, minus the loads", unit: "ms" },
  { id: "first_exec", brief: "  of it: launch to the first service's start", unit: "ms" },
  { id: "explain_runtime", brief: "    runtime, code, configuration, plan, lock", unit: "ms" },
  { id: "explain_precheck", brief: "    commands, leftovers, ports, guardian, GPU", unit: "ms" },
  { id: "explain_spawn", brief: "    the spawn and the service's own exec", unit: "ms" },
  { id: "cold_first_exec", brief: "  launch to the first service's start, cold page cache", unit: "ms" },
  { id: "floor_boot_overhead", brief: "  bare Deno supervisor", unit: "ms" },
  { id: "gate_lag", brief: "gate lag, http probe (middle of a boot)", unit: "ms" },
  { id: "gate_lag_worst", brief: "  the worst of a boot", unit: "ms", most: 25 },
  { id: "floor_gate_lag", brief: "  bare Deno supervisor, polling every 5 ms", unit: "ms" },
  { id: "notify_gate_lag", brief: "gate lag, READY=1", unit: "ms" },
  { id: "overlap_of_critical_path", brief: "standby: boot / critical path", unit: "x", most: 1.25 },
  { id: "overlap_of_sum", brief: "  boot / sum of all loads", unit: "x" },
  { id: "respawn", brief: "crash to respawn", unit: "ms", most: 10 },
  { id: "stop", brief: "stop of four services", unit: "ms", most: 40 },
  { id: "idle_cpu", brief: "idle: CPU per minute", unit: "ms", most: 150 },
  { id: "idle_rss", brief: "idle: resident memory", unit: "MB", most: 72 },
  { id: "idle_grpc_cpu", brief: "idle with a gRPC probe: CPU per minute", unit: "ms" },
  { id: "idle_grpc_rss", brief: "idle with a gRPC probe: resident memory", unit: "MB", most: 85 },
  { id: "growth", brief: "growth over an hour's worth of checks and restarts", unit: "MB", most: 3 },
  { id: "growth_most", brief: "  most resident memory", unit: "MB" },
  { id: "relay", brief: "log relay, 1,000,000 lines", unit: "s" },
  { id: "floor_relay", brief: "  bare Deno copy, no prefixes", unit: "s" },
  { id: "relay_longest_write", brief: "  longest write of the service", unit: "ms", most: 50 },
  { id: "relay_rss", brief: "  most resident memory", unit: "MB", most: 128 },
  { id: "stdout_file", brief: "standard output as a file, 1,000,000 lines", unit: "s" },
  { id: "stdout_file_lost", brief: "  lost lines", unit: "lines", most: 0 },
  { id: "scale_50", brief: "50 services: all ready", unit: "s" },
  { id: "scale_50_stop", brief: "  stop", unit: "s" },
  { id: "scale_50_rss", brief: "  resident memory", unit: "MB" },
  { id: "scale_200", brief: "200 services: all ready", unit: "s", most: 1.5 },
  { id: "scale_200_stop", brief: "  stop", unit: "s", most: 0.5 },
  { id: "scale_200_rss", brief: "  resident memory", unit: "MB" },
];
