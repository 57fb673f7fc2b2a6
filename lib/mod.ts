/**
 * The public API: boot a local voice assistant from your own Deno program. Spec: §12.
 *
 * ```ts
 * import { LoaderService, loadPlan, Log } from "alexa-loader";
 *
 * const { plan } = await loadPlan({ demo: true }, { freePorts: true }); // or { config: "config/loader.yaml" }
 * await using log = new Log({ dir: null, console: "stdout" });
 * await using loader = new LoaderService(plan, { log }); // stopped, in order, at the end of the scope
 *
 * if (await loader.startAll()) { // true: SYSTEM_READY; the greeting is on its way
 *   console.log(loader.status().capabilities); // { "wake word": true, transcription: true, … }
 *   await loader.restartService("tts");
 *   console.log((await loader.vramSnapshot()).gpus.length, "GPUs");
 * }
 * ```
 *
 * @module
 */
export type { LoaderState } from "./model/states.ts";
export { ExitCode, LoaderError } from "./errors.ts";
export { type ConfigChoice, type Loaded, loadPlan } from "./loader/load_plan.ts";
export type { LoaderOptions } from "./loader/assembly.ts";
export { LoaderService } from "./loader/loader.ts";
export { Log, type LogEntry, type LogOptions } from "./log/mod.ts";
export type { PlanDifference, ReloadReport } from "./model/difference.ts";
export type * from "./model/plan.ts";
export type { VramSnapshot } from "./gpu/coordinator.ts";
export type { LoaderStatus, ServiceStatus } from "./model/status.ts";
export {
  type KwdService,
  type ManagedService,
  type ServiceAdapter,
  type TtsService,
} from "./services/mod.ts";
