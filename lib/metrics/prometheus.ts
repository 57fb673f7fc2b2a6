/** The figures in Prometheus' text format, version 0.0.4. Names and units are by its conventions. Pure. Spec: §11. */
import type { LoaderStatus, Works } from "../model/status.ts";
import { actualStates, loaderStates } from "../model/states.ts";
import { bounds, type Counters, Histogram, type Labels } from "./counters.ts";

export interface MetricsFacts {
  status: LoaderStatus;
  counters: Counters;
  /** Labels of `build_info`. */
  build: Labels;
}

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

const bytes = (mib: number) => mib * 2 ** 20;
const share = (works: Works) => works === "unproved" ? 0.5 : Number(works);
const talkShare = { yes: 1, partly: 0.5, "not yet": 0, no: 0 };

export function renderMetrics({ status, counters, build }: MetricsFacts): string {
  const { services, gpu } = status;
  const ofServices = (value: (service: LoaderStatus["services"][number]) => number | boolean | null) =>
    services.map((service): Sample => [{ service: service.name }, value(service)]);
  const states = (labels: Labels, all: readonly string[], is: string) =>
    all.map((state): Sample => [{ ...labels, state }, state === is]);
  return [
    gauge("build_info", "Which program this is.", [[build, 1]]),
    gauge("uptime_seconds", "Since the program's start.", [[{}, status.up_sec]]),
    gauge("state", "1 for the state that the loader is in.", states({}, loaderStates, status.state)),
    gauge("can_talk", "1: one can talk to it. 0.5: one is heard, and something of the answer is missing.", [
      [{}, talkShare[status.talk.works]],
    ]),
    gauge("listening", "1 when it listens for the wake word; absent where nobody can know.", [
      [{}, status.listening],
    ]),
    gauge(
      "capability",
      "1: it works. 0.5: its service is up, and no inference was seen to work.",
      Object.entries(status.capabilities).map(([capability, works]) => [{ capability }, share(works)]),
    ),
    histogram("boot_duration_seconds", "From the program's start to SYSTEM_READY.", counters.boots.all),
    gauge("gpu_memory_used_bytes", "GPU memory in use, whoever uses it.", [
      [{}, gpu?.used_mib == null ? null : bytes(gpu.used_mib)],
    ]),
    gauge("gpu_memory_total_bytes", "GPU memory that there is.", [
      [{}, gpu?.total_mib == null ? null : bytes(gpu.total_mib)],
    ]),
    gauge(
      "service_up",
      "1 when it is past its gate: ready and warmed.",
      ofServices((it) => it.state === "up"),
    ),
    gauge(
      "service_state",
      "1 for the state that the service is in.",
      services.flatMap(({ name, state }) => states({ service: name }, actualStates, state)),
    ),
    gauge("service_uptime_seconds", "Since it is past its gate.", ofServices((it) => it.up_sec)),
    gauge(
      "service_vram_bytes",
      "GPU memory that it holds; absent where that cannot be told.",
      ofServices((it) => it.vram_mib === null ? null : bytes(it.vram_mib)),
    ),
    gauge(
      "service_on_cpu",
      "1 when it is ready and its model is not on the GPU.",
      ofServices((it) => it.on_cpu),
    ),
    counter("service_restarts_total", "Restarts by the restart policy.", ofServices((it) => it.restarts)),
    counter("service_faults_total", "What went wrong, by kind.", counters.faults.all),
    histogram(
      "service_stage_duration_seconds",
      "How long its stages took: prepare, start, ready, warmup, backoff.",
      counters.stages.all,
    ),
    histogram("gate_lag_seconds", "From its gate to the start of the next one.", counters.gates.all),
    histogram(
      "health_check_duration_seconds",
      "How long health checks took, by what they came to.",
      counters.checks.all,
    ),
  ].join("");
}

/** Null: there is none. */
type Sample = [Labels, number | boolean | null];

const gauge = (name: string, help: string, samples: readonly Sample[]) =>
  family("gauge", name, help, samples);
const counter = (name: string, help: string, samples: readonly Sample[]) =>
  family("counter", name, help, samples);

function family(
  type: "gauge" | "counter" | "histogram",
  name: string,
  help: string,
  samples: readonly [Labels, Histogram | number | boolean | null][],
): string {
  const lines = samples.flatMap(([labels, value]) => {
    if (value === null) return [];
    return value instanceof Histogram ? buckets(name, labels, value) : [line(name, labels, Number(value))];
  });
  if (lines.length === 0) return "";
  const full = `alexa_loader_${name}`;
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
}

const histogram = (name: string, help: string, samples: readonly [Labels, Histogram][]) =>
  family("histogram", name, help, samples);

function buckets(name: string, labels: Labels, { counts, count, sum }: Histogram): string[] {
  let within = 0;
  return [
    ...bounds.map((le, i) => line(`${name}_bucket`, { ...labels, le: `${le}` }, within += counts[i]!)),
    line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Labels, value: number): string {
  const all = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `alexa_loader_${name}${all.length === 0 ? "" : `{${all.join(",")}}`} ${value}`;
}

const escaped = (text: string) =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
