/**
 * The GPU: seen, planned for, and proved to be in use. `openGpu()` finds the best source of snapshots on the machine,
 * `GpuMonitor` follows it through a boot, and the rest are decisions upon snapshots: who holds what, does the next
 * service fit, is its model really on the GPU, is its memory back. Nothing here throws for what a GPU can do. Spec: §5.
 */
export * from "./types.ts";
export { failureLine, nvmlCodes, nvmlFailure } from "./source/errors.ts";
export { noGpu, openGpu, type OpenGpuOptions } from "./source/open.ts";
export { mayHaveGpu } from "./source/presence.ts";
export * from "./decide/attribution.ts";
export { commandOf } from "./decide/command_of.ts";
export * from "./watch/monitor.ts";
export * from "./watch/leak.ts";
export * from "./watch/first_context.ts";
export * from "./decide/admission.ts";
export * from "./source/wait_for_gpu.ts";
export * from "./decide/residency.ts";
export * from "./watch/settle.ts";
export * from "./watch/report.ts";
