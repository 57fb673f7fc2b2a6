import assert from "node:assert/strict";
import { Counters } from "../../../lib/metrics/counters.ts";
import { renderMetrics } from "../../../lib/metrics/prometheus.ts";
import type { Fact } from "../../../lib/model/events.ts";
import { promtool, promtoolTest } from "../../support/promtool.ts";
import { loaderStatus, serviceStatus } from "../api/support.ts";

const build = { version: "1.0.0", deno: "2.9.6" };

/** Counters that heard these facts, each so many ms after the one before. */
function counted(facts: readonly [Fact, afterMs?: number][]): Counters {
  let now = 0;
  const counters = new Counters(() => now);
  for (const [fact, afterMs = 0] of facts) {
    now += afterMs;
    counters.note(fact);
  }
  return counters;
}

const exited: Fact = {
  fact: "fault",
  service: "tts",
  fault: { kind: "unhealthy", failures: 3, detail: "x" },
  verdict: { kind: "none" },
  awaySince: null,
};
const life: [Fact, number?][] = [
  [{ fact: "stage_begun", service: null, stage: "precheck" }],
  [{ fact: "stage_over", service: null, stage: "precheck" }, 5],
  [{ fact: "stage_begun", service: "tts", stage: "warmup" }],
  [{ fact: "stage_over", service: "tts", stage: "warmup" }, 400],
  [{ fact: "stage_over", service: "tts", stage: "warmup" }, 400], // it was over
  [{ fact: "stage_begun", service: "tts", stage: "warmup" }],
  [{ fact: "stage_over", service: "tts", stage: "warmup" }, 2000],
  [{ fact: "gate_passed", service: "tts", lagMs: 3 }],
  [{ fact: "checked", service: "tts", ms: 1.5, result: "ready" }],
  [{ fact: "checked", service: "tts", ms: 2000, result: "timeout" }],
  [{ fact: "system_ready", totalMs: 15_100 }],
  [exited],
  [exited],
];
const status = loaderStatus({
  gpu: { description: "GPU", used_mib: 2048, total_mib: 24576 },
  capabilities: { "wake word": true, speech: "unproved", 'a "b" \\ c\nd': false },
  services: [
    serviceStatus("kwd"),
    serviceStatus("tts", { state: "backoff", up_sec: null, restarts: 2, vram_mib: 512 }),
  ],
});

const text = renderMetrics({ status, counters: counted(life), build });
const samples = new Map(
  text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice("alexa_loader_".length, at), Number(line.slice(at + 1))];
  }),
);

Deno.test("the figures are what happened, in seconds and bytes", () => {
  const wanted: Record<string, number> = {
    'build_info{version="1.0.0",deno="2.9.6"}': 1,
    uptime_seconds: 3725,
    can_talk: 1,
    listening: 1,
    'state{state="SYSTEM_READY"}': 1,
    'state{state="DEGRADED"}': 0,
    'capability{capability="wake word"}': 1,
    'capability{capability="speech"}': 0.5,
    'capability{capability="a \\"b\\" \\\\ c\\nd"}': 0,
    boot_duration_seconds_count: 1,
    boot_duration_seconds_sum: 15.1,
    'boot_duration_seconds_bucket{le="10"}': 0,
    'boot_duration_seconds_bucket{le="30"}': 1,
    gpu_memory_used_bytes: 2147483648,
    'service_up{service="kwd"}': 1,
    'service_up{service="tts"}': 0,
    'service_state{service="tts",state="backoff"}': 1,
    'service_state{service="tts",state="up"}': 0,
    'service_uptime_seconds{service="kwd"}': 61.4,
    'service_vram_bytes{service="tts"}': 536870912,
    'service_restarts_total{service="tts"}': 2,
    'service_faults_total{service="tts",kind="unhealthy"}': 2,
    'service_stage_duration_seconds_count{service="tts",stage="warmup"}': 2,
    'service_stage_duration_seconds_sum{service="tts",stage="warmup"}': 2.4,
    'service_stage_duration_seconds_bucket{service="tts",stage="warmup",le="0.25"}': 0,
    'service_stage_duration_seconds_bucket{service="tts",stage="warmup",le="0.5"}': 1,
    'service_stage_duration_seconds_bucket{service="tts",stage="warmup",le="+Inf"}': 2,
    'gate_lag_seconds_sum{service="tts"}': 0.003,
    'health_check_duration_seconds_sum{service="tts",result="timeout"}': 2,
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(samples.get(name), value, name);
});

Deno.test("what nobody can know is not there, and neither is its head", () => {
  for (const name of ["service_uptime_seconds", "service_vram_bytes"]) {
    assert.ok(samples.has(name + `{service="${name.includes("vram") ? "tts" : "kwd"}"}`));
    assert.ok(!samples.has(name + `{service="${name.includes("vram") ? "kwd" : "tts"}"}`));
  }
  const bare = renderMetrics({ status: loaderStatus({ listening: null }), counters: counted([]), build });
  for (const name of ["listening", "gpu_memory", "gate_lag", "boot_duration"]) {
    assert.ok(!bare.includes(name), name);
  }
});

Deno.test("names that come and go with reloads do not fill the memory", () => {
  const facts = Array.from({ length: 10_000 }, (_, i): [Fact] => [
    { fact: "gate_passed", service: `s${i}`, lagMs: 1 },
  ]);
  assert.equal(counted(facts).gates.all.length, 2000);
});

promtoolTest("promtool has nothing to say about the figures", async () => {
  assert.equal(await promtool(text), "");
  const bare = renderMetrics({ status: loaderStatus({ services: [] }), counters: counted([]), build });
  assert.equal(await promtool(bare), "");
  assert.match(await promtool(text.replace(/^# HELP .*restarts_total.*\n/m, "")), /no help text/, "it would");
});
