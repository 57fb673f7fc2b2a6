/** A boot laid out in time, for whatever draws it: rows in the order of their beginning, and the ticks of the axis. */
import { bootEnd } from "../metrics/chain.ts";
import type { BootRecord } from "../model/boot_record.ts";

/** What a bar stands for, and so its colour or pattern. */
export type Kind = "loader" | "prepare" | "start" | "ready" | "warmup" | "backoff" | "greeting";

export interface Row {
  label: string;
  kind: Kind;
  at_ms: number;
  ms: number;
}

export interface Timeline {
  rows: Row[];
  /** End of the axis: the last thing that is known of the boot. Never 0. */
  end_ms: number;
  /** SYSTEM_READY, or null. */
  ready_ms: number | null;
}

const STAGES: readonly Kind[] = ["prepare", "start", "warmup", "backoff"];

function kindOf(name: string, service: string | null): Kind {
  if (name.startsWith("greeting.")) return "greeting";
  if (service === null) return "loader";
  return STAGES.find((stage) => name.endsWith(`.${stage}`)) ?? "ready";
}

/** Every span of the record is one row. */
export function timeline(record: BootRecord): Timeline {
  const rows = record.spans
    .map(({ name, service, at_ms, ms }) => ({ label: name, kind: kindOf(name, service), at_ms, ms }))
    .sort((a, b) => a.at_ms - b.at_ms || a.ms - b.ms);
  const end_ms = Math.max(1, bootEnd(record), ...rows.map((row) => row.at_ms + row.ms));
  return { rows, end_ms, ready_ms: record.total_boot_ms };
}

/** Round times from 0 to at most `end_ms`, at most `most` of them beside the 0: steps of 1, 2 or 5 times a power of ten. */
export function ticks(end_ms: number, most: number): number[] {
  const rough = end_ms / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999_999) ?? 10 * power;
  return Array.from({ length: Math.floor(end_ms / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** The label of a tick: "0", "200 ms", "1.5 s". */
export function tickLabel(ms: number, end_ms: number): string {
  if (ms === 0) return "0";
  return end_ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}
