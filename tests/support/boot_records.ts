/** Boot records for tests: four services in strict order, as a real boot leaves them. */
import type { BootRecord, ServiceFigures, Span } from "../../lib/model/boot_record.ts";

/** Ready and warm-up time of each service, ms. */
const LOADS: [name: string, ready: number, warmup: number][] = [
  ["kwd", 420, 30],
  ["stt", 2600, 310],
  ["llm", 8000, 240],
  ["tts", 1900, 500],
];

/**
 * A boot that went well: 45 ms until the first service, 2 ms behind each gate. `slow` multiplies a service's ready time.
 * `n` makes id and time: boot 3 is `b0000003`, three minutes past ten.
 */
export function bootRecord(n: number, slow: Record<string, number> = {}): BootRecord {
  const spans: Span[] = [{ name: "precheck", service: null, at_ms: 40, ms: 4 }];
  const services: ServiceFigures[] = [];
  let at = 45;
  for (const [i, [name, load, warmup]] of LOADS.entries()) {
    const ready = load * (slow[name] ?? 1);
    const next = LOADS[i + 1]?.[0];
    spans.push({ name: `${name}.start`, service: name, at_ms: at, ms: 0.5 });
    spans.push({ name: `${name}.ready`, service: name, at_ms: at, ms: ready });
    spans.push({ name: `${name}.warmup`, service: name, at_ms: at + ready, ms: warmup });
    if (next) spans.push({ name: `${next}.prepare`, service: next, at_ms: at + 1, ms: 300 });
    services.push({
      name,
      attempts: 1,
      outcome: "up",
      prepare_async_ms: i === 0 ? null : 300,
      start_ms: 0.5,
      time_to_ready_ms: ready,
      warmup_ms: warmup,
      gate_lag_ms: next ? 2 : null,
      prepared_bytes: i === 0 ? null : 512 << 20,
      cached_share: i === 0 ? null : 0.97,
      adopted: false,
    });
    at += ready + warmup + 2;
  }
  spans.push({ name: "greeting.speak", service: null, at_ms: at, ms: 940 });
  return {
    format: 1,
    boot: `b${String(n).padStart(7, "0")}`,
    at: new Date(Date.UTC(2026, 0, 2, 10, n)).toISOString(),
    version: "1.0.0",
    config: "/etc/alexa-loader/loader.yaml",
    outcome: "ready",
    total_boot_ms: at,
    first_cuda_context_ms: 900,
    services,
    greeting: { outcome: "spoken", greeting_speak_ms: 940, kwd_resume_after_ms: 152, over_budget: null },
    vram: [{ stage: "kwd", at_ms: 496, used_mib: 512, delta_mib: 0 }, {
      stage: "llm",
      at_ms: 11_600,
      used_mib: 4608,
      delta_mib: 4096,
    }],
    spans: spans.sort((a, b) => a.at_ms - b.at_ms),
    versions: { deno: "2.9.6", driver: "570.86" },
  };
}
