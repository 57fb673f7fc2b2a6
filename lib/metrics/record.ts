/** What may be believed of a record read from disk. By hand, since a schema library costs more than the reading. Spec: §11. */
import type { BootRecord, ServiceFigures, Span } from "../model/boot_record.ts";
import {
  isObject,
  isRecord,
  listOf,
  orNull,
  parseJson,
  type Reader,
  shaped,
  tryRead,
  unfit,
} from "../shape.ts";

/** More spans or snapshots, or services, than this a record never has. */
export const recordLimits: { readonly spans: number; readonly services: number } = {
  spans: 4000,
  services: 1000,
};

// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Text that is safe on a terminal: what could move the cursor or turn the writing direction becomes U+FFFD. */
const textOf = (max: number): Reader<string> => (value) => {
  if (typeof value !== "string" || value.length > max) return unfit("text");
  return UNSAFE.test(value) ? value.replaceAll(new RegExp(UNSAFE, "g"), "\ufffd") : value;
};
const text = textOf(256);

/** A number that may be drawn and counted with; only a change may be below 0. */
const numberFrom = (least: number): Reader<number> => (value) => {
  const fits = typeof value === "number" && value >= least && value < 1e15;
  return fits ? value + 0 : unfit("number"); // + 0: no -0
};
const number = numberFrom(0);

/** What may be missing; a record of an older program lacks it altogether. */
function maybe<T>(read: Reader<T>): Reader<T | null> {
  const known = orNull(read);
  return (value) => known(value ?? null);
}
const one = <T extends string>(...of: T[]): Reader<T> => (value) =>
  of.includes(value as T) ? value as T : unfit("choice");

const service = shaped<ServiceFigures>({
  name: text,
  attempts: number,
  outcome: one("up", "failed", "not_started"),
  prepare_async_ms: maybe(number),
  start_ms: maybe(number),
  time_to_ready_ms: maybe(number),
  warmup_ms: maybe(number),
  gate_lag_ms: maybe(number),
  prepared_bytes: maybe(number),
  cached_share: maybe(number),
  adopted: (value) => value === true,
});

const record = shaped<BootRecord>({
  format: () => 1,
  boot: (value) => textOf(64)(value) || unfit("boot"),
  at: (value) => Number.isNaN(Date.parse(textOf(40)(value))) ? unfit("time") : textOf(40)(value),
  version: text,
  config: textOf(4096),
  outcome: one("ready", "degraded", "failed", "stopped"),
  total_boot_ms: maybe(number),
  first_cuda_context_ms: maybe(number),
  services: listOf(service, recordLimits.services),
  greeting: shaped<BootRecord["greeting"]>({
    outcome: text,
    greeting_speak_ms: maybe(number),
    kwd_resume_after_ms: maybe(number),
    over_budget: (value) => typeof value === "string" ? textOf(64)(value) : null,
  }),
  vram: listOf(
    shaped<BootRecord["vram"][number]>({
      stage: text,
      at_ms: number,
      used_mib: number,
      delta_mib: numberFrom(-1e15),
    }),
    recordLimits.spans,
  ),
  spans: listOf(
    shaped<Span>({ name: text, service: maybe(text), at_ms: number, ms: number }),
    recordLimits.spans,
  ),
  versions: shaped<BootRecord["versions"]>({ deno: text, driver: orNull(text) }),
});

/**
 * The record in `value`, with nothing in it that {@link BootRecord} does not name; `"unknown"` for one of another
 * format (a newer program's), `"damaged"` for anything else. Never throws.
 */
export function checkRecord(value: unknown): BootRecord | "unknown" | "damaged" {
  if (!isRecord(value)) return "damaged";
  if (value.format !== 1) return typeof value.format === "number" ? "unknown" : "damaged";
  return tryRead(record, value) ?? "damaged";
}

/** The record in a line's JSON text. */
export function parseRecord(payload: string): BootRecord | "unknown" | "damaged" {
  const value = parseJson(payload);
  // Lines of 1.0.0 had a checksum around the record.
  return checkRecord(isObject(value) ? value.record ?? value : value);
}
