/**
 * The demo: stand-ins for the four services, which speak the real contract as real processes, and the configuration that
 * boots them; and the starter files with which people begin their own. Spec: §1.1, §3, §10 (CONTRACT §3, §5).
 *
 * A stand-in's own code is imported only in the process that plays it.
 */
export { demoConfig, withFreePorts } from "./config.ts";
export { type Assistant, assistantFiles, needsSetUp, voiceHome } from "./assistant/mod.ts";
export { assistantOf, type Finding, look, type Part } from "./assistant/look.ts";
export {
  aboutPreset,
  type PresetName,
  presetNames,
  presetOf,
  specificationFiles,
} from "./assistant/presets.ts";
export { files, type StarterFile } from "./init/mod.ts";
export {
  type DemoArguments,
  type DemoOptions,
  type DemoRole,
  demoRoles,
  parseDemoArguments,
} from "./options.ts";
export { runDemoService } from "./run.ts";
