/**
 * A boot as trace events, for chrome://tracing and ui.perfetto.dev: one process, one thread for the loader, one for each
 * service and one for its prepare, since that overlaps the service before. Times are microseconds. Spec: §11.
 */
import type { BootRecord, Span } from "../model/boot_record.ts";

const PID = 1;
const us = (ms: number) => Math.round(ms * 1000);

function threadOf(span: Span): string {
  if (span.service === null) return span.name.startsWith("greeting.") ? "greeting" : "loader";
  return span.name.endsWith(".prepare") ? `${span.service} prepare` : span.service;
}

/** The JSON text of the trace. */
export function renderTrace(record: BootRecord): string {
  const names = new Set([
    "loader",
    ...record.services.map(({ name }) => name),
    ...record.spans.map(threadOf),
  ]);
  const tids = new Map([...names].map((name, i) => [name, i + 1]));
  const meta = (name: string, tid: number, args: Record<string, unknown>) => ({
    ph: "M",
    pid: PID,
    tid,
    name,
    args,
  });
  const traceEvents: Record<string, unknown>[] = [
    meta("process_name", 0, { name: `alexa-loader boot ${record.boot}` }),
    ...[...tids].flatMap(([name, tid]) => [
      meta("thread_name", tid, { name }),
      meta("thread_sort_index", tid, { sort_index: tid }),
    ]),
    ...record.spans.map((span) => ({
      ph: "X",
      pid: PID,
      tid: tids.get(threadOf(span)),
      cat: span.service === null ? "loader" : "service",
      name: span.name,
      ts: us(span.at_ms),
      dur: us(span.ms),
    })),
    ...record.vram.map((each) => ({
      ph: "C",
      pid: PID,
      tid: 0,
      name: "VRAM used (MiB)",
      ts: us(each.at_ms),
      args: { used: each.used_mib },
    })),
  ];
  if (record.total_boot_ms !== null) {
    const name = record.outcome === "ready" ? "SYSTEM_READY" : record.outcome.toUpperCase();
    traceEvents.push({
      ph: "i",
      s: "p",
      pid: PID,
      tid: tids.get("loader"),
      name,
      ts: us(record.total_boot_ms),
    });
  }
  const { boot, at, version, config, outcome } = record;
  const metadata = { boot, at, version, config, outcome };
  return JSON.stringify({ displayTimeUnit: "ms", metadata, traceEvents }, null, 1) + "\n";
}
