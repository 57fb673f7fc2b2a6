/** What `boots diff A B` prints: where the second boot was slower or faster, service by service. Pure. Spec: §11. */
import { ownTime } from "../metrics/chain.ts";
import type { BootRecord, ServiceFigures } from "../model/boot_record.ts";
import { type Cell, type Column, renderTable } from "./table.ts";
import { duration, signed, timestamp } from "./units.ts";

const STAGES: readonly [keyof ServiceFigures & `${string}_ms`, string][] = [
  ["prepare_async_ms", "prepare"],
  ["start_ms", "start"],
  ["time_to_ready_ms", "ready"],
  ["warmup_ms", "warm-up"],
  ["gate_lag_ms", "gate lag"],
];
/** A change is coloured when it is at least this many ms and this part of the first figure. */
const NOTABLE_MS = 10;
const NOTABLE_SHARE = 0.1;
/** Figures are rounded to this; of less than it there is no percentage. */
const FINEST_MS = 0.1;

function change(a: number | null, b: number | null): Cell[] {
  if (a === null || b === null) return ["", ""];
  const delta = Math.round((b - a) * 10) / 10;
  const share = a >= FINEST_MS ? `${delta > 0 ? "+" : ""}${Math.round((delta / a) * 100)} %` : "";
  const notable = Math.abs(delta) >= NOTABLE_MS && Math.abs(delta) >= a * NOTABLE_SHARE;
  const style = delta > 0 ? "red" as const : "green" as const;
  return notable ? [{ text: signed(delta), style }, { text: share, style }] : [signed(delta), share];
}

/** Figures of both boots with the change from `a` to `b`, signed; figures that neither has are left out. */
export function renderDiff(a: BootRecord, b: BootRecord, o: { color?: boolean; utc?: boolean } = {}): string {
  const columns: Column[] = [
    { title: "SERVICE", max: 24 },
    { title: "STAGE", max: 24 },
    { title: a.boot, align: "right", max: 16 },
    { title: b.boot, align: "right", max: 16 },
    { title: "CHANGE", align: "right" },
    { title: "", align: "right" },
  ];
  const rows: Cell[][] = [];
  const add = (service: string, stage: string, x: number | null, y: number | null) => {
    if (x !== null || y !== null) rows.push([service, stage, duration(x), duration(y), ...change(x, y)]);
  };
  for (const name of new Set([...b.services, ...a.services].map((service) => service.name))) {
    const inA = a.services.find((service) => service.name === name);
    const inB = b.services.find((service) => service.name === name);
    for (const [figure, stage] of STAGES) add(name, stage, inA?.[figure] ?? null, inB?.[figure] ?? null);
    const first = inA?.outcome ?? "absent", second = inB?.outcome ?? "absent";
    if (first !== second) rows.push([name, "outcome", first.replace("_", " "), second.replace("_", " ")]);
  }
  add("greeting", "spoken", a.greeting.greeting_speak_ms, b.greeting.greeting_speak_ms);
  add("greeting", "resume", a.greeting.kwd_resume_after_ms, b.greeting.kwd_resume_after_ms);
  add("loader", "own time", ownTime(a).ms, ownTime(b).ms);
  add("loader", "first CUDA", a.first_cuda_context_ms, b.first_cuda_context_ms);
  add("total", "", a.total_boot_ms, b.total_boot_ms);
  const about = (record: BootRecord) => `${record.boot} (${timestamp(record.at, o.utc)}, ${record.outcome})`;
  const versions = ([
    ["alexa-loader", a.version, b.version],
    ["Deno", a.versions.deno, b.versions.deno],
    ["driver", a.versions.driver ?? "none", b.versions.driver ?? "none"],
  ] as const).filter(([, x, y]) => x !== y).map(([what, x, y]) => `${what} ${x} -> ${y}\n`);
  return `${about(a)} -> ${about(b)}\n\n` + renderTable(columns, rows, o) +
    (versions.length > 0 ? "\n" + versions.join("") : "");
}
