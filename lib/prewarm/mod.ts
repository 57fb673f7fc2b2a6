/**
 * Prepare of the next services, as far as files go: what a service will read when it loads its model is in the page
 * cache before its turn. Found from what the configuration names, brought without disturbing whoever starts now.
 * (Standby, the other way to prepare, is the service's own.) Spec: §9; CONTRACT §3.
 */
export { type Allowance, allowanceOf, prewarmFiles, type PrewarmOptions } from "./files.ts";
export { findModelFiles, type FindOptions, type Found } from "./find.ts";
export { kernelMachine, type Machine, type Pressure } from "./pressure.ts";
export { Prewarmer, type PrewarmerOptions } from "./prewarmer.ts";
export type { FoundFile } from "./model_file_search.ts";
