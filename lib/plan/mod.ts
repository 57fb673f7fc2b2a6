/** LoaderConfig + boot history -> BootPlan: pure, printable. Spec: §2, §9. */
export type * from "../model/plan.ts";
export { isEmpty, planDifference, takenOver } from "./difference.ts";
export { planDirs } from "./dirs.ts";
export type { PlanFacts, ReadyTimeHistory } from "./facts.ts";
export { planBoot } from "./plan.ts";
