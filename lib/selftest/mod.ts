/** The self-test: each part of a turn is asked for what a turn asks it, and told from what it should be. Spec: §10, §13. */
export { selftest, type SelftestOptions } from "./run.ts";
