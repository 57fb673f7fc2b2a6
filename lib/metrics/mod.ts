/**
 * The figures that prove a boot: recorded while it happens, kept from boot to boot, measured by those before, and
 * handed on as a trace. What they look like on a screen is the business of `ui/`. Spec: §11.
 */
export { bootEnd, criticalChain, type Link, type OwnTime, ownTime } from "./chain.ts";
export { isSuccess, p95Line, percentile, readyTimes } from "./figures.ts";
export { findBoot, type Found } from "./find.ts";
export { type History, HISTORY_FILE, KEEP_BOOTS, openHistory } from "./history.ts";
export { exportBoot } from "./otel.ts";
export {
  type BootFacts,
  BootRecorder,
  type Figures,
  type OpenSpan,
  type ServiceRecorder,
} from "./recorder.ts";
export { renderTrace } from "./trace.ts";
export type * from "../model/boot_record.ts";
export { verdict } from "./verdict.ts";
