/** LoaderConfig + boot history -> BootPlan: pure, printable. Spec: §2, §9. */
export type * from "../model/plan.ts";
export { planDirs } from "./dirs.ts";
export { planBoot, type PlanFacts, type ReadyTimeHistory } from "./plan.ts";
export { ollamaOrigin } from "./ollama_address.ts";
