/** What may be believed of a record read from disk. By hand, since a schema library costs more than the reading. Spec: §11. */
import type { BootRecord, ServiceFigures, Span } from "../model/boot_record.ts";

const MAX_SPANS = 4000;
const MAX_SERVICES = 1000;
const OUTCOMES = ["ready", "degraded", "failed", "stopped"] as const;
const SERVICE_OUTCOMES = ["up", "failed", "not_started"] as const;

/** More spans or snapshots than this a record never has. */
export const recordLimits: { readonly spans: number; readonly services: number } = {
  spans: MAX_SPANS,
  services: MAX_SERVICES,
};

// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

class Unfit extends Error {}
const unfit = (what: string): never => {
  throw new Unfit(what);
};

type Raw = Record<string, unknown>;

function object(value: unknown): Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Raw
    : unfit("object");
}

function list<T>(value: unknown, max: number, item: (raw: Raw) => T): T[] {
  if (!Array.isArray(value) || value.length > max) return unfit("list");
  return value.map((each) => item(object(each)));
}

/** Text that is safe on a terminal: what could move the cursor or turn the writing direction becomes U+FFFD. */
function text(value: unknown, max = 256): string {
  if (typeof value !== "string" || value.length > max) return unfit("text");
  return UNSAFE.test(value) ? value.replaceAll(new RegExp(UNSAFE, "g"), "\ufffd") : value;
}

/** A number that may be drawn and counted with; only a change may be below 0. */
function number(value: unknown, least = 0): number {
  const fits = typeof value === "number" && value >= least && value < 1e15;
  return fits ? value + 0 : unfit("number"); // + 0: no -0
}

/** A figure that may be missing; a record of an older program lacks it altogether. */
const maybe = (value: unknown): number | null => value === undefined || value === null ? null : number(value);

function one<T extends string>(value: unknown, of: readonly T[]): T {
  return of.includes(value as T) ? value as T : unfit("choice");
}

function time(value: unknown): string {
  const at = text(value, 40);
  return Number.isNaN(Date.parse(at)) ? unfit("time") : at;
}

function service(raw: Raw): ServiceFigures {
  return {
    name: text(raw.name),
    attempts: number(raw.attempts),
    outcome: one(raw.outcome, SERVICE_OUTCOMES),
    prepare_async_ms: maybe(raw.prepare_async_ms),
    start_ms: maybe(raw.start_ms),
    time_to_ready_ms: maybe(raw.time_to_ready_ms),
    warmup_ms: maybe(raw.warmup_ms),
    gate_lag_ms: maybe(raw.gate_lag_ms),
    prepared_bytes: maybe(raw.prepared_bytes),
    cached_share: maybe(raw.cached_share),
    adopted: raw.adopted === true,
  };
}

function span(raw: Raw): Span {
  return {
    name: text(raw.name),
    service: raw.service === null || raw.service === undefined ? null : text(raw.service),
    at_ms: number(raw.at_ms),
    ms: number(raw.ms),
  };
}

function snapshot(raw: Raw): BootRecord["vram"][number] {
  return {
    stage: text(raw.stage),
    at_ms: number(raw.at_ms),
    used_mib: number(raw.used_mib),
    delta_mib: number(raw.delta_mib, -1e15),
  };
}

/**
 * The record in `value`, with nothing in it that {@link BootRecord} does not name; `"unknown"` for one of another
 * format (a newer program's), `"damaged"` for anything else. Never throws.
 */
export function checkRecord(value: unknown): BootRecord | "unknown" | "damaged" {
  try {
    const raw = object(value);
    if (raw.format !== 1) return typeof raw.format === "number" ? "unknown" : "damaged";
    const greeting = object(raw.greeting);
    const versions = object(raw.versions);
    return {
      format: 1,
      boot: text(raw.boot, 64) || unfit("boot"),
      at: time(raw.at),
      version: text(raw.version),
      config: text(raw.config, 4096),
      outcome: one(raw.outcome, OUTCOMES),
      total_boot_ms: maybe(raw.total_boot_ms),
      first_cuda_context_ms: maybe(raw.first_cuda_context_ms),
      services: list(raw.services, MAX_SERVICES, service),
      greeting: {
        outcome: text(greeting.outcome),
        greeting_speak_ms: maybe(greeting.greeting_speak_ms),
        kwd_resume_after_ms: maybe(greeting.kwd_resume_after_ms),
        over_budget: typeof greeting.over_budget === "string" ? text(greeting.over_budget, 64) : null,
      },
      vram: list(raw.vram, MAX_SPANS, snapshot),
      spans: list(raw.spans, MAX_SPANS, span),
      versions: {
        deno: text(versions.deno),
        driver: versions.driver === null ? null : text(versions.driver),
      },
    };
  } catch (error) {
    if (error instanceof Unfit) return "damaged";
    throw error;
  }
}

/** The record in a line's JSON text. */
export function parseRecord(payload: string): BootRecord | "unknown" | "damaged" {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return "damaged"; // not JSON, or nested deeper than the parser's stack
  }
  // Lines of 1.0.0 had a checksum around the record.
  return checkRecord((value as { record?: unknown } | null)?.record ?? value);
}
