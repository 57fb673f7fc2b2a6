/**
 * What a service is: the uniform adapter, the process behind it, and what KWD and TTS can do beyond it.
 * Spec: §1.1, §12; CONTRACT §1, §5, §7.
 */
import type { ServicePlan } from "../model/plan.ts";
import type { ServiceContext } from "./context.ts";
import { KwdService } from "./kwd.ts";
import { ManagedService } from "./managed_service.ts";
import { TtsService } from "./tts.ts";

export type { ServiceAdapter } from "./adapter.ts";
export type { ControlAnswer } from "../controls/answers.ts";
export { bootIdVariable, type ServiceContext, serviceVariable } from "./context.ts";
export { KwdService, ManagedService, TtsService };
export { ServiceProcess } from "./service_process.ts";
export { terminate } from "../sys/process/terminate.ts";

/** The adapter for a service of the plan, by its role. Starts nothing. */
export function createService(plan: ServicePlan, context: ServiceContext): ManagedService {
  if (plan.role === "kwd") return new KwdService(plan, context);
  if (plan.role === "tts") return new TtsService(plan, context);
  return new ManagedService(plan, context);
}
