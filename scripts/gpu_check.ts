/**
 * On a machine with a CUDA GPU: does what we say about its memory agree with a process that allocates known amounts,
 * and with nvidia-smi? Prints a Markdown record for tests/gpu/RESULTS.md (`deno task gpu-check`). Exit 1 if a figure is off;
 * without a GPU it says so and exits 0.
 */
import { systemClock } from "../lib/sys/clock.ts";
import { runCommand } from "../lib/sys/process/command.ts";
import {
  type Gpu,
  GpuMonitor,
  type GpuSource,
  heldBy,
  isGpuFailure,
  judgeResidency,
  openGpu,
  settle,
  signedMib,
} from "../lib/gpu/mod.ts";

const STEPS_MIB = [256, 1024, 512];
/** The driver hands out memory in pages of 2 MiB, and nvidia-smi rounds to whole MiB. */
const STEP_TOLERANCE = 4, SMI_TOLERANCE = 2;

if (Deno.args[0] === "allocate") {
  allocate();
} else {
  await check();
}

/** The child: one CUDA context; "alloc <MiB>" and "free" on standard input, "ok" on standard output after each. */
function allocate(): void {
  const cuda = Deno.dlopen("libcuda.so.1", {
    cuInit: { parameters: ["u32"], result: "i32" },
    cuDeviceGet: { parameters: ["buffer", "i32"], result: "i32" },
    cuCtxCreate_v2: { parameters: ["buffer", "u32", "i32"], result: "i32" },
    cuMemAlloc_v2: { parameters: ["buffer", "usize"], result: "i32" },
    cuMemFree_v2: { parameters: ["u64"], result: "i32" },
  });
  const must = (what: string, code: number) => {
    if (code !== 0) throw new Error(`${what} answered ${code}`);
  };
  const out = new BigUint64Array(1), device = new Int32Array(1);
  must("cuInit", cuda.symbols.cuInit(0));
  must("cuDeviceGet", cuda.symbols.cuDeviceGet(device, 0));
  must("cuCtxCreate", cuda.symbols.cuCtxCreate_v2(out, 0, device[0]!));
  console.log("ok");
  const blocks: bigint[] = [];
  const input = new Uint8Array(64);
  for (let n = Deno.stdin.readSync(input); n !== null; n = Deno.stdin.readSync(input)) {
    const [verb, amount = ""] = new TextDecoder().decode(input.subarray(0, n)).trim().split(" ");
    if (verb === "alloc") {
      must("cuMemAlloc", cuda.symbols.cuMemAlloc_v2(out, BigInt(amount) << 20n));
      blocks.push(out[0]!);
    } else {
      must("cuMemFree", cuda.symbols.cuMemFree_v2(blocks.pop()!));
    }
    console.log("ok");
  }
}

async function look(source: GpuSource): Promise<Gpu> {
  const answer = await source.snapshot();
  if (isGpuFailure(answer)) throw new Error(answer.message);
  return answer.gpus[0]!;
}

/** Used MiB in nvidia-smi's own words: of the GPU, and of one process (null if it is not in its list). */
async function smi(gpu: Gpu, pid: number): Promise<{ used: number; held: number | null }> {
  const ask = async (query: string) => {
    const argv = ["nvidia-smi", "-i", gpu.uuid, query, "--format=csv,noheader,nounits"];
    return (await runCommand(argv, { timeoutMs: 20_000 })).stdout.trim();
  };
  const used = Number(await ask("--query-gpu=memory.used"));
  const line = (await ask("--query-compute-apps=pid,used_memory")).split("\n").find((l) =>
    l.startsWith(`${pid},`)
  );
  const held = Number(line?.split(",")[1]);
  return { used, held: Number.isFinite(held) ? held : null };
}

/** One line of the record: what was done, what was expected of the GPU's use and what was seen. */
interface Row {
  what: string;
  expected: number | null;
  seen: number;
  used: number;
  smiUsed: number;
  held: number | null;
  smiHeld: number | null;
}

async function check(): Promise<void> {
  await using source = await openGpu({ index: 0, env: Deno.env.toObject(), clock: systemClock });
  if (source.kind !== "nvml") {
    console.log(
      `gpu-check: skipped, no NVIDIA GPU to be asked through NVML: ${
        source.reasons.join(", ") || source.description
      }`,
    );
    return;
  }
  const lines: string[] = [];
  await using monitor = new GpuMonitor({
    source,
    clock: systemClock,
    deltasOnly: true,
    log: (level, message) => lines.push(`${level} = ${message}`),
  });
  const before = await monitor.stage("precheck");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-ffi", import.meta.filename!, "allocate"],
    env: { CUDA_VISIBLE_DEVICES: (await look(source)).uuid },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const orders = child.stdin.getWriter();
  const failed: string[] = [];
  const rows: Row[] = [];
  let last = await look(source);
  const record = async (what: string, expected: number | null) => {
    if ((await answers.read()).done) throw new Error("the CUDA process ended: see its message above");
    const gpu = await look(source);
    const theirs = await smi(gpu, child.pid);
    const held = heldBy({ at: 0, gpus: [gpu] }, new Set([child.pid]));
    const seen = gpu.usedMib - last.usedMib;
    last = gpu;
    rows.push({ what, expected, seen, used: gpu.usedMib, smiUsed: theirs.used, held, smiHeld: theirs.held });
    const off = (a: number | null, b: number | null, by: number) =>
      a !== null && b !== null && Math.abs(a - b) > by;
    if (off(seen, expected, STEP_TOLERANCE)) {
      failed.push(`${what}: the GPU's use changed by ${signedMib(seen)}`);
    }
    if (off(gpu.usedMib, theirs.used, SMI_TOLERANCE)) {
      failed.push(`${what}: nvidia-smi says ${theirs.used} MiB are used`);
    }
    if (off(held, theirs.held, SMI_TOLERANCE)) {
      failed.push(`${what}: nvidia-smi says ${theirs.held} MiB are held`);
    }
  };
  const order = (line: string) => orders.write(new TextEncoder().encode(line));
  try {
    await record("CUDA context", null);
    for (const amount of STEPS_MIB) {
      await order(`alloc ${amount}`);
      await record(`allocate ${amount} MiB`, amount);
    }
    const after = await monitor.stage("cuda");
    const sum = STEPS_MIB.reduce((a, b) => a + b);
    const residency = judgeResidency({ expectedMib: sum, pids: new Set([child.pid]), before, after });
    if (residency.verdict !== "gpu") failed.push(`residency: ${residency.message}`);
    for (const amount of STEPS_MIB.toReversed()) {
      await order("free");
      await record(`free ${amount} MiB`, -amount);
    }
    const full = await monitor.look();
    child.kill("SIGKILL");
    await child.status;
    const settled = await settle({
      source,
      service: "cuda",
      before: full,
      pids: new Set([child.pid]),
      limitMs: 10_000,
      clock: systemClock,
      signal: AbortSignal.timeout(30_000),
    });
    if (!settled.ok) failed.push(settled.message);
    const final = await monitor.final();
    if (final && final.missingMib > 0) failed.push(`${final.missingMib} MiB are missing at the end`);
    print(source, rows, [
      ...lines,
      `residency: ${residency.message}`,
      `memory back ${settled.waitedMs.toFixed(0)} ms after the kill`,
    ], failed);
  } finally {
    await orders.abort().catch(() => {}); // its end of the pipe may be gone already
    await answers.cancel();
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await child.status;
  }
  if (failed.length > 0) Deno.exitCode = 1;
}

function print(source: GpuSource, rows: Row[], lines: string[], failed: string[]): void {
  console.log(`## ${new Date().toISOString().slice(0, 10)}: ${source.description}\n`);
  console.log(
    `Deno ${Deno.version.deno}, ${Deno.build.target}, source ${source.kind}. All figures in MiB.\n`,
  );
  console.log("| step | expected | seen | used | nvidia-smi | held by the process | nvidia-smi |");
  console.log("|---|---|---|---|---|---|---|");
  for (const r of rows) {
    const cells = [r.what, r.expected, r.seen, r.used, r.smiUsed, r.held, r.smiHeld];
    console.log(`| ${cells.map((c) => c ?? "-").join(" | ")} |`);
  }
  console.log(`\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n`);
  console.log(failed.length === 0 ? "All figures agree." : `**Off:** ${failed.join("; ")}`);
}
