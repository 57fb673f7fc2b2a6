/** The picture of a running loader: `status`. Pure. Spec: §12. */
import { worksText } from "../text.ts";
import type { Elsewhere } from "../model/elsewhere.ts";
import type { LoaderStatus, ServiceStatus, Talk } from "../model/status.ts";

import { type Cell, type Column, paint, plain, renderTable, type Style } from "./table.ts";
import { duration } from "./units.ts";

const stateStyle = new Map<string, Style>([
  ["SYSTEM_READY", "green"],
  ["DEGRADED", "yellow"],
  ["up", "green"],
  ["failed", "red"],
  ["backoff", "yellow"],
  ["away", "yellow"],
  ["stopping", "yellow"],
]);

export const moods: Record<Talk["works"], Style> = {
  yes: "green",
  partly: "yellow",
  "not yet": "cyan",
  no: "red",
};

const columns: Column[] = [
  { title: "service" },
  { title: "role" },
  { title: "state" },
  { title: "pid", align: "right" },
  { title: "port", align: "right" },
  { title: "up for", align: "right" },
  { title: "restarts", align: "right" },
  { title: "vram", align: "right" },
  { title: "answers in", align: "right" },
  { title: "remarks", max: 100 },
];

/** What `status` prints: how it is, in a few lines, and a row per service. Ends with a newline. */
export function renderStatus(status: LoaderStatus, o: { color?: boolean } = {}): string {
  const { talk, state, doing, degraded, gpu } = status;
  const booted = status.total_boot_ms === null ? "" : `, booted in ${duration(status.total_boot_ms)}`;
  const ear = status.muted
    ? "muted by you"
    : status.listening === null
    ? "whether it listens for the wake word is not known"
    : status.listening
    ? "listening for the wake word"
    : "not listening for the wake word";
  const lines: Cell[] = [
    { text: talk.text, style: moods[talk.works] },
    styled(
      state,
      `${doing === null ? state : `${state}: ${doing}`}, up for ${elapsed(status.up_sec)}${booted}`,
    ),
    ...(degraded === null ? [] : [{ text: degraded, style: "yellow" as Style }]),
    `${ear}; greeting: ${status.greeting}`,
    `works: ${worksText(status.capabilities) || "nothing yet"}`,
    ...(gpu === null ? [] : [`${gpu.description}: ${memory(gpu.used_mib, gpu.total_mib)}`]),
    `alexa-loader ${status.version}, boot ${status.boot}, pid ${status.pid}, instance ${status.instance}`,
    `configuration ${status.config}, logs in ${status.log_dir}`,
  ];
  const head = lines.map((line) =>
    typeof line === "string" ? plain(line) : paint(plain(line.text), line.style, o.color)
  );
  return head.join("\n") + "\n\n" + table(status.services, o);
}

function table(services: readonly ServiceStatus[], o: { color?: boolean }): string {
  const rows = services.map(row);
  // A column that says nothing here (roles that are the names, memory without a GPU) is not shown.
  const telling = columns.map((column, i) => rows.some((cells) => cells[i] !== "") ? column : { title: "" });
  return renderTable(telling, rows, o);
}

/** The parts that other machines run: a line for each loader there, and its services. Pure. */
export function renderElsewhere(boxes: readonly Elsewhere[], o: { color?: boolean } = {}): string {
  return boxes.map(({ url, services, status, problem }) => {
    const ours = services.join(", ");
    if (status === null) {
      return `\n${
        paint(plain(`${url} (${ours}): its loader does not tell: ${problem}`), "yellow", o.color)
      }\n`;
    }
    const gpu = status.gpu
      ? `; ${status.gpu.description}: ${memory(status.gpu.used_mib, status.gpu.total_mib)}`
      : "";
    const boot = status.total_boot_ms === null ? "" : `, booted in ${duration(status.total_boot_ms)}`;
    const head = `${url} (${ours}): ${status.state}, up for ${elapsed(status.up_sec)}${boot}${gpu}`;
    return `\n${plain(head)}\n\n${table(status.services, o)}`;
  }).join("");
}

function row(service: ServiceStatus): Cell[] {
  return [
    service.name,
    service.role === service.name ? "" : service.role,
    styled(service.state, service.state),
    service.pid === null ? "-" : String(service.pid),
    service.port === null ? "-" : String(service.port),
    service.up_sec === null ? "-" : elapsed(service.up_sec),
    String(service.restarts),
    service.vram_mib === null ? "" : `${service.vram_mib} MiB`,
    service.latency_ms ? `${service.latency_ms.last} ms (p95 ${service.latency_ms.p95})` : "",
    service.problem === null ? remarks(service) : { text: remarks(service), style: "yellow" },
  ];
}

/** What went wrong, else what the service says of itself; then what is odd about it. */
function remarks(service: ServiceStatus): string {
  return [
    service.problem ?? service.says ?? "",
    service.on_cpu ? "model on CPU" : "",
    service.adopted ? "adopted" : "",
    service.desired === "down" && service.state !== "idle" ? "not wanted any more" : "",
  ].filter((part) => part !== "").join("; ");
}

function styled(state: string, text: string): Cell {
  const style = stateStyle.get(state);
  return style === undefined ? text : { text, style };
}

/** "512 of 24576 MiB". */
function memory(used: number | null, total: number | null): string {
  if (used === null && total === null) return "memory unknown";
  return `${used ?? "?"} of ${total ?? "?"} MiB`;
}

/** "42 s", "3 min 05 s", "3 h 12 min", "4 d 03 h": two units tell enough. */
function elapsed(sec: number): string {
  const whole = Math.max(0, Math.floor(sec));
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}
