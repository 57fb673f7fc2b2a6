/** What `plan` says about the GPU: who will not fit if the services were started now, and who holds the memory. Spec: §5. */
import {
  commandOf,
  forecast,
  isGpuFailure,
  openGpu,
  peaksOf,
  predictNeed,
  type ServiceTrees,
} from "../mod.ts";
import type { BootRecord } from "../../model/boot_record.ts";
import type { BootPlan } from "../../model/plan.ts";
import { systemClock } from "../../sys/clock.ts";
import { environment } from "../../sys/host.ts";

/** One sentence per shortage; asks the GPU only if a service needs one. `trees`: services that run already. */
export async function gpuForecast(
  plan: BootPlan,
  records: readonly BootRecord[],
  trees: ServiceTrees,
  signal: AbortSignal,
): Promise<string[]> {
  const needy = plan.services.filter((service) => service.gpu !== "none" && service.manage === "spawn");
  if (needy.length === 0) return [];
  await using source = await openGpu({
    index: plan.gpu.index,
    env: environment(),
    clock: systemClock,
    signal,
  });
  const snapshot = await source.snapshot(signal);
  if (isGpuFailure(snapshot)) {
    const required = needy.filter((service) => service.gpu === "required").map((service) => service.name);
    const why = source.reasons.join(", ") || snapshot.message;
    return required.length === 0 ? [] : [`${required.join(", ")}: gpu: required, but there is none: ${why}`];
  }
  const needs = needy.map(({ name, vramMb }) => ({
    service: name,
    need: predictNeed(vramMb, peaksOf(records, name)),
  }));
  return forecast(needs, { snapshot, trees, commandOf });
}
