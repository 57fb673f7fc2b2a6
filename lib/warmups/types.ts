/** What a warm-up answers. Spec: §9; CONTRACT §4. */
export type { WarmupResult } from "../model/reports.ts";
