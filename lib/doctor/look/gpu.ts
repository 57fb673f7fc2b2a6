/** The GPU, its driver, and what stands in the way of it. */
import { forecast, peaksOf, predictNeed } from "../../gpu/decide/admission.ts";
import { commandOf } from "../../gpu/decide/command_of.ts";
import { openGpu } from "../../gpu/source/open.ts";
import { mayHaveGpu } from "../../gpu/source/presence.ts";
import { type GpuFailure, isGpuFailure } from "../../gpu/types.ts";
import type { BootRecord } from "../../model/boot_record.ts";
import type { BootPlan } from "../../model/plan.ts";
import { systemClock } from "../../sys/clock.ts";
import { mayUse, pathExists } from "../../sys/gpu_device.ts";
import { findProgram } from "../../sys/host.ts";
import { runCommand } from "../../sys/process/command.ts";
import type { GpuFacts } from "../facts.ts";
import { figureIn, kernelText, type Looking } from "./looking.ts";

type Env = Readonly<Record<string, string | undefined>>;

const nodes = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/kfd"];
/** Each of up to four ways to ask has less than the whole look. */
const limits = { nvmlMs: 1200, toolMs: 900 };
const throttleQuery = [
  "--query-gpu=index,clocks_throttle_reasons.active",
  "--format=csv,noheader,nounits",
];

interface Context {
  plan: BootPlan | null;
  records: readonly BootRecord[];
  /** Process trees of the services that run. */
  trees: ReadonlyMap<string, ReadonlySet<number>>;
  env: Env;
}

export async function lookAtGpu(looking: Looking, o: Context): Promise<GpuFacts> {
  const expected = mayHaveGpu(o.env);
  const nvidiaDriver = pathExists("/proc/driver/nvidia/version");
  const tool = (name: string) => findProgram(name, "/", o.env.PATH ?? "") !== null;
  const keeps = figureIn(kernelText("/proc/driver/nvidia/params"), /^PreserveVideoMemoryAllocations: (\d)/m);
  const [asked, throttle] = expected
    ? await Promise.all([
      looking.ask("GPU", { snapshot: null, failure: late, reasons: [], short: [] }, () => ask(looking, o)),
      nvidiaDriver && tool("nvidia-smi") ? looking.ask("nvidia-smi", [], () => throttleReasons(looking)) : [],
    ])
    : [{ snapshot: null, failure: null, reasons: [], short: [] }, []];
  return {
    expected,
    nvidiaCard: /^[0-9a-f]{4}\t10de/m.test(kernelText("/proc/bus/pci/devices")),
    nvidiaDriver,
    // nvidia-modprobe, where it is installed, makes the device when CUDA first asks for it.
    uvm: nvidiaDriver ? pathExists("/dev/nvidia-uvm") || tool("nvidia-modprobe") : null,
    keepsMemory: keeps === null ? null : keeps > 0,
    suspends: figureIn(kernelText("/sys/power/suspend_stats/success"), /^(\d+)$/m) ?? 0,
    denied: nodes.filter((path) => pathExists(path) && !mayUse(path)),
    throttle,
    ...asked,
  };
}

const late: GpuFailure = { failure: "timeout", message: "the GPU's driver and tools do not answer" };

type Asked = Pick<GpuFacts, "snapshot" | "failure" | "reasons" | "short">;

async function ask({ signal }: Looking, { plan, records, trees, env }: Context): Promise<Asked> {
  await using source = await openGpu({
    index: plan?.gpu.index ?? null,
    env,
    clock: systemClock,
    signal,
    limits,
  });
  const snapshot = await source.snapshot(signal);
  if (isGpuFailure(snapshot)) return { snapshot: null, failure: snapshot, reasons: [], short: [] };
  const needs = plan?.services.filter(({ gpu, manage }) => gpu !== "none" && manage === "spawn")
    .map(({ name, vramMb }) => ({ service: name, need: predictNeed(vramMb, peaksOf(records, name)) })) ?? [];
  const short = forecast(needs, { snapshot, trees, commandOf });
  return { snapshot, failure: null, reasons: source.kind === "nvidia-smi" ? source.reasons : [], short };
}

async function throttleReasons({ signal }: Looking): Promise<GpuFacts["throttle"]> {
  const { stdout } = await runCommand(["nvidia-smi", ...throttleQuery], { timeoutMs: limits.nvmlMs, signal });
  return parseThrottle(stdout);
}

/** "0, 0x0000000000000004" per line; a GPU that does not tell is left out. */
export function parseThrottle(text: string): GpuFacts["throttle"] {
  return [...text.matchAll(/^(\d+), 0x([0-9a-f]{1,16})\s*$/gim)].map(([, gpu, bits]) => ({
    gpu: Number(gpu),
    reasons: Number(BigInt(`0x${bits}`) & 0xffffn),
  }));
}
