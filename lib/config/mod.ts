/**
 * The user's YAML -> a checked configuration with every default filled in, or all that is wrong with it at its
 * places: file, line, column, excerpt, what was wanted, what was found, what was probably meant. Spec: §3.
 */
export type { LoaderConfig, ProbeConfig, ServiceConfig, WarmupConfig } from "./schema.ts";
export type { Environment } from "../model/written.ts";
export { ConfigError, type Problem, renderProblem, renderProblems } from "./problem.ts";
export { loadConfig, type LoadedConfig, parseConfig } from "./load.ts";
export { configPlaces, findConfig, readConfig } from "./find.ts";
