/** Opens the GPU for a boot: waits for it when a service needs one, and says in one line what is wrong with it. Spec: §5. */
import { LoaderError } from "../errors.ts";
import {
  computeDevices,
  type GpuSource,
  isGpuFailure,
  mayHaveGpu,
  noGpu,
  openGpu,
  waitForGpu,
} from "./mod.ts";
import type { Log } from "../log/mod.ts";
import type { BootPlan } from "../model/plan.ts";
import type { Clock } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { environment } from "../sys/host.ts";

/** Time for one answer of the library or a tool where no service needs the GPU: figures are not worth a long wait, ms. */
const unneededMs = 2000;

/** The source is the caller's to dispose. @throws LoaderError `gpu_missing` when it is required and absent. */
export async function openForBoot(
  plan: Pick<BootPlan, "gpu" | "services">,
  { clock, log, signal, run }: { clock: Clock; log: Log; signal: AbortSignal; run?: RunCommand },
): Promise<GpuSource> {
  const env = environment();
  const needs = plan.services.filter((service) => service.gpu !== "none" && service.manage === "spawn");
  const limits = needs.length === 0 ? { nvmlMs: unneededMs, toolMs: unneededMs } : undefined;
  const open = () => openGpu({ index: plan.gpu.index, env, clock, signal, run, limits });
  if (needs.length === 0) {
    if (!mayHaveGpu(env)) return noGpu([{ failure: "missing", message: "nothing speaks for a GPU" }]);
    const source = await open();
    if (source.kind !== "none") return tellDetour(source, log);
    const why = await source.snapshot();
    // That nothing is installed needs no word beyond PRECHECK's; what is there and fails does, and a path that was given.
    if (isGpuFailure(why) && (why.failure !== "missing" || env.ALEXA_NVML_PATH)) {
      log.warning("LOADER", `No GPU: ${source.reasons.join(", ")}`);
    }
    return source;
  }
  const wait = await waitForGpu({
    open,
    waitMs: plan.gpu.waitMs,
    clock,
    log: (level, message) => log.line("LOADER", level, message),
    signal,
    // A container may have the node under another name; then its owner says which one.
    devices: env.ALEXA_GPU_DEVICE ? [env.ALEXA_GPU_DEVICE] : computeDevices,
  });
  if (wait.ok) return tellDetour(wait.source, log);
  const required = needs.filter((service) => service.gpu === "required").map((service) => service.name);
  if (required.length > 0) {
    await wait.source[Symbol.asyncDispose]();
    throw new LoaderError("gpu_missing", `${required.join(", ")}: gpu: required, but ${wait.message}`, {
      hint: wait.hint,
    });
  }
  log.warning("LOADER", `${wait.message}; going on without it`);
  return wait.source;
}

/** NVML is what should be there: where a tool stands in for it, why. */
function tellDetour(source: GpuSource, log: Log): GpuSource {
  if (source.reasons.length > 0) {
    log.info("LOADER", `The GPU is asked through ${source.kind}: ${source.reasons.join(", ")}`);
  }
  return source;
}
