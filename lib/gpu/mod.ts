/**
 * The GPU: seen, planned for, and proved to be in use. `openGpu()` finds the best source of snapshots on the machine,
 * `GpuMonitor` follows it through a boot, and the rest are decisions upon snapshots: who holds what, does the next
 * service fit, is its model really on the GPU, is its memory back. Nothing here throws for what a GPU can do. Spec: §5.
 */
export * from "./types.ts";
export { failureLine, nvmlCodes, nvmlFailure } from "./errors.ts";
export { noGpu, openGpu, type OpenGpuOptions } from "./open.ts";
export { mayHaveGpu } from "./presence.ts";
export * from "./attribution.ts";
export { commandOf } from "./command_of.ts";
export * from "./monitor.ts";
export * from "./leak.ts";
export * from "./first_context.ts";
export * from "./admission.ts";
export * from "./wait_for_gpu.ts";
export * from "./residency.ts";
export * from "./settle.ts";
export * from "./report.ts";
