/** Which real inference warms which service. Spec: §9; CONTRACT §4. */
import type { ServiceConfig } from "../config/schema.ts";
import type { ControlSpec, ProbeSpec, Role, WarmupSpec } from "../model/plan.ts";
import { isOllama } from "../probes/ollama.ts";
import { ollamaOrigin } from "../protocols/ollama_address.ts";
import { choiceOf } from "../warmups/kinds.ts";
import type { PlanFacts } from "./facts.ts";
import { resolveArgv } from "./paths.ts";
import { httpOrigin, plainPort } from "./probes.ts";

/** What is known about the service when its warm-up is chosen. */
export interface Chosen {
  name: string;
  role: Role;
  service: ServiceConfig;
  readiness: readonly ProbeSpec[];
  control: ControlSpec;
  facts: PlanFacts;
}

/** The service's warm-up; `kind: "none"` says why there is none, and whether that deserves a WARNING. */
export function planWarmup({ name, role, service, readiness, control, facts }: Chosen): WarmupSpec {
  const { warmup } = service;
  const ollama = readiness.find(isOllama);
  const planned = choiceOf(warmup.kind)!.plan(warmup, {
    name,
    role,
    service,
    verbs: (control.kind === "http" && control.url) || null,
    speech: (control.kind === "openai" && control.url) || null,
    origin: httpOrigin(readiness),
    listening: plainPort(readiness),
    ollamaUrl: ollama?.url ?? ollamaOrigin(service.env, facts.env),
    ollama: ollama ? { model: ollama.model } : null,
    argv: (words) => resolveArgv(facts.configDir, words),
  });
  return {
    timeoutMs: warmup.timeout_sec * 1000,
    runs: warmup.runs,
    required: warmup.required,
    ...(warmup.keep_warm === undefined ? {} : { keepWarm: warmup.keep_warm }),
    ...planned as { kind: string },
  };
}
