/** The vocabulary: plan, states, status and records, as types. It imports nothing, so that every room may speak it. */
export type * from "./boot_record.ts";
export type * from "./plan.ts";
export type * from "./states.ts";
export type * from "./status.ts";
