/** What a reload does, or would do, as lines: for the log and for who asked. Names settings, never values. Pure. */
import type { ReloadReport } from "../model/difference.ts";
import { duration } from "./units.ts";

type Shown = Omit<ReloadReport, "failed">;

/** Empty where nothing has changed. */
export function reloadLines({ difference, starts }: Shown): string[] {
  const { added, removed, changed, loader, postponed } = difference;
  const starting = new Set(starts.map(({ service }) => service));
  const how = ({ service, restarts }: { service: string; restarts: boolean }) =>
    starting.has(service) ? "restarts" : restarts ? "changes with its next start" : "changes as it runs";
  return [
    ...removed.map((name) => `${name}: is removed`),
    ...changed.map((change) => `${change.service}: ${how(change)} (${change.settings.join(", ")})`),
    ...added.map((name) => `${name}: is added`),
    ...loader.length > 0 ? [`loader: ${loader.join(", ")}`] : [],
    ...postponed.length > 0 ? [`needs a restart of the loader: ${postponed.join(", ")}`] : [],
  ];
}

/** "nothing has changed", "1 service starts, about 2.1 s", "2 services start, longer than 2.1 s", "no service starts". */
export function reloadCost({ difference, starts }: Shown): string {
  if (Object.values(difference).every((some) => some.length === 0)) return "nothing has changed";
  if (starts.length === 0) return "no service restarts";
  const known = starts.flatMap(({ p95_ms }) => p95_ms ?? []);
  const who = starts.length === 1
    ? "1 service starts"
    : `${starts.length} services start, one after the other`;
  if (known.length === 0) return who;
  const sum = duration(known.reduce((sum, ms) => sum + ms, 0));
  return `${who}, ${known.length === starts.length ? "within" : "longer than"} ${sum} by the history (p95)`;
}

/** For who asked, once it is over or was only looked at. */
export function renderReload(report: ReloadReport, dryRun: boolean): string {
  const cost = reloadCost(report);
  const head = dryRun
    ? `would reload: ${cost}`
    : report.reload === null
    ? cost
    : `reload ${report.reload}: ${cost}`;
  return [head, ...reloadLines(report).map((line) => `  ${line}`), ...outcome(report, dryRun)].join("\n");
}

function outcome({ starts, failed }: ReloadReport, dryRun: boolean): string[] {
  if (dryRun || starts.length === 0) return [];
  return [
    failed.length === 0 ? "all of it is up" : `did not come up: ${failed.join(", ")}; see the log, or status`,
  ];
}
