/** The picture of a VRAM report: a table per GPU, or JSON. Pure. Spec: §5. */
import { strangerName } from "../gpu/decide/attribution.ts";
import type { VramGpu, VramReport } from "../gpu/watch/report.ts";

/** The lines of `vram`; without a GPU a single sentence. */
export function renderVram(report: VramReport): string[] {
  if (report.gpus.length === 0) return [`No GPU: ${report.why}`];
  return report.gpus.flatMap((gpu, i) => [...(i > 0 ? [""] : []), ...renderGpu(gpu)]);
}

function renderGpu({ gpu, attribution }: VramGpu): string[] {
  const busy = gpu.utilisation === null ? "" : `, ${gpu.utilisation} % busy`;
  const warm = gpu.temperatureC === null ? "" : `, ${gpu.temperatureC} °C`;
  const rows: [label: string, mib: number | null, more: string][] = [
    ["total", gpu.totalMib, ""],
    ["used", gpu.usedMib, ""],
    ["free", gpu.freeMib, ""],
    ...attribution.services.map((
      s,
    ): [string, number | null, string] => [s.service, s.mib, `pid ${s.pids.join(", ")}`]),
    ...attribution.strangers.map((s): [string, number | null, string] => [
      "not ours",
      s.mib,
      `${strangerName(s)}${s.kind === "graphics" ? ", graphics" : ""}`,
    ]),
  ];
  if (attribution.unattributedMib > 0) {
    rows.push(["unknown", attribution.unattributedMib, "driver, and processes that cannot be seen"]);
  }
  const amount = (mib: number | null) => mib === null ? "?" : String(mib);
  const labelWidth = Math.max(...rows.map(([label]) => label.length));
  const amountWidth = Math.max(...rows.map(([, mib]) => amount(mib).length));
  return [
    `GPU ${gpu.index}: ${gpu.name}${busy}${warm}`,
    ...rows.map(([label, mib, more]) =>
      `  ${label.padEnd(labelWidth)}  ${amount(mib).padStart(amountWidth)} MiB  ${more}`.trimEnd()
    ),
  ];
}

/** What `vram --json` prints: `{"gpus": []}` without a GPU. Field names are stable. */
export function vramJson(report: VramReport): Record<string, unknown> {
  return {
    gpus: report.gpus.map(({ gpu, attribution }) => ({
      index: gpu.index,
      uuid: gpu.uuid,
      name: gpu.name,
      total_mib: gpu.totalMib,
      used_mib: gpu.usedMib,
      free_mib: gpu.freeMib,
      utilisation_percent: gpu.utilisation,
      temperature_c: gpu.temperatureC,
      services: attribution.services.map((s) => ({ service: s.service, used_mib: s.mib, pids: s.pids })),
      strangers: attribution.strangers.map((s) => ({
        pid: s.pid,
        used_mib: s.mib,
        kind: s.kind,
        command: s.command,
      })),
      unattributed_mib: attribution.unattributedMib,
    })),
  };
}
