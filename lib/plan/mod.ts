/** LoaderConfig + boot history -> BootPlan: pure, printable. Spec: §2, §9. */
export type * from "./types.ts";
