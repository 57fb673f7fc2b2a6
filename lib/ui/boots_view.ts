/** What `boots` and `boots show` print: the boots side by side, and one boot in all its parts. Pure. Spec: §11. */
import { criticalChain, ownTime } from "../metrics/chain.ts";
import { isSuccess, percentile } from "../metrics/figures.ts";
import type { BootRecord, ServiceFigures } from "../model/boot_record.ts";
import { verdict } from "../metrics/verdict.ts";
import { type Cell, type Column, renderTable, type Style } from "./table.ts";
import { bytes, duration, percent, signed, timestamp } from "./units.ts";
import { renderWaterfall } from "./waterfall.ts";

export interface ViewOptions {
  /** Columns of the terminal; 80 when unknown. */
  width?: number;
  color?: boolean;
  /** Times in UTC instead of the reader's zone. */
  utc?: boolean;
}

const OUTCOME: Record<BootRecord["outcome"], Style> = {
  ready: "green",
  degraded: "yellow",
  failed: "red",
  stopped: "gray",
};
/** More services than this have no column each in the list of boots. */
const MAX_SERVICE_COLUMNS = 6;

/** From spawn to past the gate: what a service took of the boot. Null unless it came up. */
export function gateTime(service: ServiceFigures | undefined): number | null {
  if (!service || service.outcome !== "up" || service.time_to_ready_ms === null) return null;
  return service.time_to_ready_ms + (service.warmup_ms ?? 0);
}

/** Names of the services in the records, in the order of the newest that has them. */
function serviceNames(records: readonly BootRecord[]): string[] {
  return [...new Set(records.toReversed().flatMap((record) => record.services.map(({ name }) => name)))];
}

/**
 * The newest `limit` boots (20), newest last, with p50 and p95 of all successful ones (nearest rank) below, and a verdict
 * on each against those before it.
 */
export function renderBoots(
  records: readonly BootRecord[],
  o: ViewOptions & { limit?: number } = {},
): string {
  if (records.length === 0) return "No boots yet.\n";
  const from = Math.max(0, records.length - (o.limit ?? 20));
  const shown = records.slice(from);
  const names = serviceNames(shown);
  const columnsOf = names.length <= MAX_SERVICE_COLUMNS ? names : [];
  const columns: Column[] = [
    { title: "BOOT", max: 16 },
    { title: "STARTED" },
    { title: "OUTCOME" },
    { title: "TOTAL", align: "right" },
    ...columnsOf.map((name): Column => ({ title: name.toUpperCase(), align: "right", max: 16 })),
    { title: "LOADER", align: "right" },
    { title: "VERDICT", max: 100 },
  ];
  const rows = shown.map((record, i): Cell[] => [
    record.boot,
    timestamp(record.at, o.utc),
    { text: record.outcome, style: OUTCOME[record.outcome] },
    duration(record.total_boot_ms),
    ...columnsOf.map((name) => duration(gateTime(record.services.find((each) => each.name === name)))),
    isSuccess(record) ? duration(ownTime(record).ms) : "-",
    verdict(record, records.slice(0, from + i)),
  ]);
  const good = records.filter(isSuccess);
  const gates = columnsOf.map((name) =>
    good.flatMap((record) => gateTime(record.services.find((each) => each.name === name)) ?? [])
  );
  const totals = good.map((record) => record.total_boot_ms);
  const own = good.map((record) => ownTime(record).ms);
  const summary = [50, 95].map((p): Cell[] => [
    { text: `p${p}`, style: "bold" },
    `of ${good.length} ready`,
    "",
    ...[totals, ...gates, own].map((values) => duration(percentile(values, p))),
  ]);
  return renderTable(columns, good.length > 0 ? [...rows, ...summary] : rows, o);
}

/** One service's figures, a row each; also in the HTML page. */
export function serviceTable(record: BootRecord): { columns: Column[]; rows: string[][] } {
  const right = (title: string): Column => ({ title, align: "right" });
  return {
    columns: [
      { title: "SERVICE", max: 24 },
      { title: "OUTCOME" },
      right("PREPARE"),
      right("START"),
      right("READY"),
      right("WARM-UP"),
      right("GATE LAG"),
      right("PREPARED"),
      right("CACHED"),
    ],
    rows: record.services.map((s) => [
      s.name,
      s.outcome.replace("_", " ") +
      (s.adopted ? " (adopted)" : s.attempts > 1 ? ` (${s.attempts} attempts)` : ""),
      duration(s.prepare_async_ms),
      duration(s.start_ms),
      duration(s.time_to_ready_ms),
      duration(s.warmup_ms),
      duration(s.gate_lag_ms),
      bytes(s.prepared_bytes),
      percent(s.cached_share),
    ]),
  };
}

/** The critical chain, a row for each link; also in the HTML page. */
export function chainTable(record: BootRecord): { columns: Column[]; rows: string[][] } {
  const right = (title: string): Column => ({ title, align: "right" });
  return {
    columns: [{ title: "LINK", max: 40 }, right("FROM"), right("TOOK"), right("WAIT BEFORE")],
    rows: criticalChain(record).map((link) => [
      link.name,
      duration(link.at_ms),
      duration(link.ms),
      link.wait_ms > 0 ? signed(link.wait_ms) : "",
    ]),
  };
}

/** What else is known of a boot, as pairs of words; what was not measured is left out. */
export function bootFacts(record: BootRecord): [string, string][] {
  const own = ownTime(record);
  const { greeting, versions } = record;
  const spoken = greeting.greeting_speak_ms === null ? "" : `, ${duration(greeting.greeting_speak_ms)}`;
  const resumed = greeting.kwd_resume_after_ms === null
    ? ""
    : `, wake word back after ${duration(greeting.kwd_resume_after_ms)}`;
  const facts: [string, string | null][] = [
    ["Total", record.total_boot_ms === null ? null : duration(record.total_boot_ms)],
    [
      "Loader's own time",
      `${duration(own.ms)} (${duration(own.before_ms)} before the first service, ` +
      `${duration(own.between_ms)} between services, ${duration(own.after_ms)} after the last)`,
    ],
    [
      "First CUDA context",
      record.first_cuda_context_ms === null ? null : duration(record.first_cuda_context_ms),
    ],
    ["Greeting", greeting.outcome + spoken + resumed],
    [
      "Versions",
      `alexa-loader ${record.version}, Deno ${versions.deno}` +
      (versions.driver ? `, driver ${versions.driver}` : ""),
    ],
    ["Configuration", record.config],
  ];
  return facts.flatMap(([name, value]) => value === null ? [] : [[name, value]]);
}

/** GPU memory after each stage; no rows where there was no GPU. */
export function vramTable(record: BootRecord): { columns: Column[]; rows: string[][] } {
  const right = (title: string): Column => ({ title, align: "right" });
  return {
    columns: [{ title: "VRAM AFTER", max: 24 }, right("AT"), right("USED"), right("CHANGE")],
    rows: record.vram.map(({ stage, at_ms, used_mib, delta_mib }) => [
      stage,
      duration(at_ms),
      `${used_mib} MiB`,
      `${delta_mib >= 0 ? "+" : ""}${delta_mib} MiB`,
    ]),
  };
}

/** All that is known of one boot; `earlier` boots (oldest first) are what the verdict measures it by. */
export function renderBoot(record: BootRecord, earlier: readonly BootRecord[], o: ViewOptions = {}): string {
  const title: Cell[] = [
    `Boot ${record.boot}`,
    timestamp(record.at, o.utc),
    { text: record.outcome, style: OUTCOME[record.outcome] },
    verdict(record, earlier),
  ];
  const untitled: Column[] = [{ title: "", max: 80 }, { title: "" }, { title: "" }, { title: "", max: 100 }];
  const services = serviceTable(record);
  const chain = chainTable(record);
  const vram = vramTable(record);
  const facts: Column[] = [{ title: "" }, { title: "", max: 200 }];
  return [
    renderTable(untitled, [title], o),
    record.spans.length > 0 ? renderWaterfall(record, o) : "",
    services.rows.length > 0 ? renderTable(services.columns, services.rows, o) : "",
    chain.rows.length > 0
      ? "Critical chain\n" + renderTable(chain.columns, chain.rows, { ...o, indent: "  " })
      : "",
    vram.rows.length > 0 ? renderTable(vram.columns, vram.rows, o) : "",
    renderTable(facts, bootFacts(record), o),
  ].filter((part) => part !== "").join("\n");
}
