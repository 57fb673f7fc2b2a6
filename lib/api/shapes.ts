/**
 * The shapes that several answers are made of. They only say what must be there: the loader that runs may be of another
 * version than the program that asks, so it may know more fields, and other words.
 */
import type { ZodType } from "zod";
import type { BootRecord, ServiceFigures, Span } from "../model/boot_record.ts";
import type { Role } from "../model/plan.ts";
import { actualStates, type Desired, loaderStates } from "../model/states.ts";
import type { LoaderStatus, ServiceStatus, Talk } from "../model/status.ts";
import type { Zod } from "./zod.ts";

export type Shapes = ReturnType<typeof make>;
let made: Shapes | null = null;

/** Made once: the document names each of them once. */
export const shapesOf = (z: Zod): Shapes => made ??= make(z);

function make(z: Zod) {
  const figure = (what: string) => z.nullable(z.number()).meta({ description: what });
  const words = (what: string) => z.nullable(z.string()).meta({ description: what });
  /** One of `known`, of which another version may have others. */
  const oneOf = <T extends string>(...known: T[]) =>
    z.string().meta({ examples: known }) as unknown as ZodType<T>;

  const state = oneOf(...actualStates);

  const service: ZodType<ServiceStatus> = z.looseObject({
    name: z.string(),
    role: oneOf<Role>("kwd", "stt", "llm", "tts", "other"),
    state,
    desired: oneOf<Desired | "stopped">("up", "down", "stopped"),
    pid: figure("process; null: none, or none of ours"),
    port: figure("TCP port"),
    up_sec: figure("seconds since it is past its gate"),
    ready_ms: figure("from spawn to ready"),
    restarts: z.number(),
    problem: words("what went wrong last"),
    says: words("its last STATUS= line"),
    adopted: z.boolean(),
    vram_mib: figure("MiB on the GPU"),
    on_cpu: z.boolean().meta({ description: "it is ready, but its model is not on the GPU" }),
    latency_ms: z.looseObject({ last: z.number(), p95: z.number() }).optional().meta({
      description: "of an external one: how long its last health checks took",
    }),
  }).meta({ id: "Service" }) as ZodType<ServiceStatus>;

  const status: ZodType<LoaderStatus> = z.looseObject({
    state: oneOf(...loaderStates),
    talk: z.looseObject({ works: oneOf<Talk["works"]>("yes", "partly", "not yet", "no"), text: z.string() })
      .meta({ description: "can I talk to it, and if not, why" }),
    doing: words("what the precheck is at"),
    boot: z.string(),
    version: z.string(),
    pid: z.number(),
    instance: z.string(),
    config: z.string(),
    log_dir: z.string(),
    up_sec: z.number(),
    total_boot_ms: figure("from the program's start to SYSTEM_READY"),
    capabilities: z.record(z.string(), z.union([z.boolean(), z.literal("unproved")])),
    degraded: words("what is missing, and what works all the same"),
    greeting: z.string(),
    listening: z.nullable(z.boolean()).meta({ description: "null: nobody can know" }),
    muted: z.boolean().meta({ description: "by a person" }),
    services: z.array(service),
    gpu: z.nullable(z.looseObject({
      description: z.string(),
      used_mib: figure("MiB in use"),
      total_mib: figure("MiB"),
    })),
  }).meta({ id: "Status" });

  const outcome = z.looseObject({ ok: z.boolean(), state, problem: words("why it is not up") })
    .meta({ id: "Outcome" });

  const span: ZodType<Span> = z.looseObject({
    name: z.string(),
    service: z.nullable(z.string()),
    at_ms: z.number(),
    ms: z.number(),
  });
  const figures: ZodType<ServiceFigures> = z.looseObject({
    name: z.string(),
    attempts: z.number(),
    outcome: oneOf<ServiceFigures["outcome"]>("up", "failed", "not_started"),
    prepare_async_ms: figure("ms"),
    start_ms: figure("ms"),
    time_to_ready_ms: figure("ms"),
    warmup_ms: figure("ms"),
    gate_lag_ms: figure("added by the loader behind it, ms"),
    prepared_bytes: figure("bytes of model files brought into the page cache"),
    cached_share: figure("0..1"),
    adopted: z.boolean(),
  });
  const boot: ZodType<BootRecord> = z.looseObject({
    format: z.literal(1),
    boot: z.string(),
    at: z.string().meta({ description: "start of the program, ISO 8601" }),
    version: z.string(),
    config: z.string(),
    outcome: oneOf<BootRecord["outcome"]>("ready", "degraded", "failed", "stopped"),
    total_boot_ms: figure("ms"),
    first_cuda_context_ms: figure("ms"),
    services: z.array(figures),
    greeting: z.looseObject({
      outcome: z.string(),
      greeting_speak_ms: figure("ms"),
      kwd_resume_after_ms: figure("ms"),
      over_budget: words("digest of a text that took longer than its budget"),
    }),
    vram: z.array(z.looseObject({
      stage: z.string(),
      at_ms: z.number(),
      used_mib: z.number(),
      delta_mib: z.number(),
    })),
    spans: z.array(span),
    versions: z.looseObject({ deno: z.string(), driver: z.nullable(z.string()) }),
  }).meta({ id: "Boot" });

  const failure = z.looseObject({
    error: z.looseObject({
      code: z.string().meta({ description: "stable" }),
      message: z.string(),
      hint: words("what to do"),
    }),
  }).meta({ id: "Failure" });

  return { state, service, status, outcome, boot, failure };
}
