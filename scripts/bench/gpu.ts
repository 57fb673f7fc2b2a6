/**
 * What one look at the GPU costs the event loop, and whether anything grows in many of them. Runs against the stand-in
 * library, so it needs cc and no GPU: `deno run -A scripts/bench/gpu.ts [snapshots, default 100000]`. Exit 1 if a limit is missed.
 */
import { systemClock } from "../../lib/sys/clock.ts";
import { listNumbers } from "../../lib/sys/process/libc.ts";
import { NvmlSource } from "../../lib/gpu/source/nvml.ts";
import { isGpuFailure } from "../../lib/gpu/types.ts";
import { canBuildStandin, nvmlStandin } from "../../tests/support/gpu_standin.ts";

const LIMIT_MS = 1, GROWTH_MIB = 16;
/** Calls of one look at one GPU: memory, utilisation, temperature, two lists of processes. */
const CALLS = 5;
/** Beyond the calls of one look: on a busy machine a thread may need longer to lie down than the source rests. */
const SLACK = 5;
const CLOCK_THREAD_CPUTIME_ID = 3;
const count = Number(Deno.args[0] ?? 100_000);

if (!canBuildStandin) {
  console.log("skipped: no C compiler (apt-get install gcc)");
  Deno.exit(0);
}

const libc = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
const time = new BigInt64Array(2);

/** Time in ms that this thread, the event loop's, has spent on a CPU. */
function loopCpu(): number {
  libc.symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time);
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

function sizes() {
  return {
    threads: listNumbers("/proc/self/task")!.length,
    descriptors: listNumbers("/proc/self/fd")!.length,
    rss: Deno.memoryUsage().rss / 2 ** 20,
  };
}

const processes = Array.from({ length: 10 }, (_, i) => ({ pid: 1000 + i, usedMib: 100 }));
using standin = nvmlStandin({ gpus: [{ usedMib: 5000, processes }] });
await using gpu = new NvmlSource({
  index: 0,
  visible: undefined,
  variable: "CUDA_VISIBLE_DEVICES",
  clock: systemClock,
  path: standin.path,
});

const alone = sizes().threads;
let peak = alone;

/** Takes `n` snapshots as fast as the source allows; cost of each on the loop and in all, in ms. */
async function run(n: number): Promise<{ loop: number; wall: number }> {
  const cpu = loopCpu(), begin = performance.now();
  for (let i = 0; i < n; i++) {
    const answer = await gpu.snapshot();
    if (isGpuFailure(answer)) throw new Error(answer.message);
    if (i % 100 === 0) peak = Math.max(peak, sizes().threads);
  }
  return { loop: (loopCpu() - cpu) / n, wall: (performance.now() - begin) / n };
}

/** The runtime's pool keeps an idle thread for 10 s: what is left after a rest is judged too. */
async function rested() {
  await systemClock.sleep(11_000);
  return sizes();
}

const warm = Math.max(1, Math.round(count / 10));
const first = await run(warm);
const early = peak;
const before = await rested();
const rest = await run(count - warm);
const after = await rested();

console.log(`| GPU snapshots (stand-in library, ${processes.length} processes) | |`);
console.log(`|---|---|`);
console.log(`| event loop, each | ${rest.loop.toFixed(3)} ms (first tenth ${first.loop.toFixed(3)} ms) |`);
console.log(`| until the answer, each | ${rest.wall.toFixed(3)} ms |`);
console.log(
  `| threads: before, most in the first tenth, most in all, after a rest | ${alone}, ${early}, ${peak}, ${after.threads} |`,
);
for (const name of ["descriptors", "rss"] as const) {
  const unit = name === "rss" ? " MiB" : "";
  const digits = name === "rss" ? 1 : 0;
  const [b, a] = [before[name].toFixed(digits), after[name].toFixed(digits)];
  console.log(`| ${name} after ${warm}, after ${count} | ${b}${unit}, ${a}${unit} |`);
}
const missed = [
  rest.loop >= LIMIT_MS && `a snapshot costs the loop ${LIMIT_MS} ms or more`,
  peak > alone + CALLS + SLACK && "there were more threads at work than a look has calls",
  after.threads > Math.max(alone, before.threads) && "threads grew",
  after.descriptors > before.descriptors && "descriptors grew",
  after.rss > before.rss + GROWTH_MIB && `memory grew by more than ${GROWTH_MIB} MiB`,
].filter(Boolean);
console.log(missed.length === 0 ? "\nall limits held" : `\nMISSED: ${missed.join("; ")}`);
libc.close();
if (missed.length > 0) Deno.exitCode = 1;
