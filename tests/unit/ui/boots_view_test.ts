import assert from "node:assert/strict";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import { renderDiff } from "../../../lib/ui/boots_diff.ts";
import { renderBoot, renderBoots } from "../../../lib/ui/boots_view.ts";
import { displayWidth } from "../../../lib/ui/table.ts";
import { renderWaterfall } from "../../../lib/ui/waterfall.ts";
import { bootRecord } from "../../support/boot_records.ts";

function cold(): BootRecord {
  const record = bootRecord(5, { llm: 2.1 });
  record.services[2]!.cached_share = 0.1;
  return record;
}

function withoutTts(): BootRecord {
  const record = bootRecord(6);
  record.outcome = "degraded";
  Object.assign(record.services[3]!, { outcome: "failed", attempts: 4 });
  return record;
}

const WATERFALL = `
                       0               5 s             10 s             15 s            20 s
precheck       4.0 ms  ▏
kwd.start      0.5 ms  ▏
kwd.ready      420 ms  █▌
stt.prepare    300 ms  ░
kwd.warmup      30 ms   ▋
stt.start      0.5 ms   ▋
stt.ready      2.60 s   █████████
llm.prepare    300 ms   ░░
stt.warmup     310 ms            █
llm.start      0.5 ms             ▏
llm.ready      16.8 s             ██████████████████████████████████████████████████████▍
tts.prepare    300 ms             ░
llm.warmup     240 ms                                                                   █▏
tts.start      0.5 ms                                                                    ▏
tts.ready      1.90 s                                                                    ██████▍
tts.warmup     500 ms                                                                          ██
SYSTEM_READY   22.9 s                                                                            ┃
greeting.speak 940 ms                                                                           ████
`;

const history = [0, 1, 2, 3, 4].map((n) => bootRecord(n));

Deno.test("renderBoots() shows the boots with p50, p95 and a verdict on each", () => {
  assert.equal(
    renderBoots([...history.slice(2), cold(), withoutTts()], { utc: true }),
    `
BOOT      STARTED              OUTCOME    TOTAL     KWD     STT     LLM     TTS  LOADER  VERDICT
b0000002  2026-01-02 10:02:00  ready     14.1 s  450 ms  2.91 s  8.24 s  2.40 s   53 ms  first boot
b0000003  2026-01-02 10:03:00  ready     14.1 s  450 ms  2.91 s  8.24 s  2.40 s   53 ms  ok (1 boot to compare with)
b0000004  2026-01-02 10:04:00  ready     14.1 s  450 ms  2.91 s  8.24 s  2.40 s   53 ms  ok (2 boots to compare with)
b0000005  2026-01-02 10:05:00  ready     22.9 s  450 ms  2.91 s  17.0 s  2.40 s   53 ms  llm load 2.1x its p95, page cache cold
b0000006  2026-01-02 10:06:00  degraded  14.1 s  450 ms  2.91 s  8.24 s       -       -  tts failed after 4 attempts
p50       of 4 ready                     14.1 s  450 ms  2.91 s  8.24 s  2.40 s   53 ms
p95       of 4 ready                     22.9 s  450 ms  2.91 s  17.0 s  2.40 s   53 ms
`.slice(1),
  );
});

Deno.test("renderBoots() measures the shown boots by all before them", () => {
  const text = renderBoots([...history, cold()], { utc: true, limit: 1 });
  assert.deepEqual(text.split("\n").map((line) => line.slice(0, 8).trim()), [
    "BOOT",
    "b0000005",
    "p50",
    "p95",
    "",
  ]);
  assert.match(text, /2\.1x its p95/);
  assert.equal(renderBoots([]), "No boots yet.\n");
});

Deno.test("renderBoots() gives many services no column each", () => {
  const record = bootRecord(1);
  record.services = Array.from({ length: 50 }, (_, i) => ({ ...record.services[0]!, name: `s${i}` }));
  assert.match(renderBoots([record], { utc: true }), /^BOOT +STARTED +OUTCOME +TOTAL +LOADER +VERDICT\n/);
});

Deno.test("renderBoot() shows one boot in all its parts", () => {
  const text = renderBoot(cold(), history, { utc: true, width: 80 });
  assert.equal(
    text,
    `
Boot b0000005  2026-01-02 10:05:00  ready  llm load 2.1x its p95, page cache cold

${renderWaterfall(cold(), { width: 80 })}
SERVICE  OUTCOME  PREPARE   START   READY  WARM-UP  GATE LAG  PREPARED  CACHED
kwd      up             -  0.5 ms  420 ms    30 ms    2.0 ms         -       -
stt      up        300 ms  0.5 ms  2.60 s   310 ms    2.0 ms   512 MiB    97 %
llm      up        300 ms  0.5 ms  16.8 s   240 ms    2.0 ms   512 MiB    10 %
tts      up        300 ms  0.5 ms  1.90 s   500 ms         -   512 MiB    97 %

Critical chain
  LINK          FROM    TOOK  WAIT BEFORE
  precheck     40 ms  4.0 ms       +40 ms
  kwd.ready    45 ms  420 ms      +1.0 ms
  kwd.warmup  465 ms   30 ms
  stt.ready   497 ms  2.60 s      +2.0 ms
  stt.warmup  3.10 s  310 ms
  llm.ready   3.41 s  16.8 s      +2.0 ms
  llm.warmup  20.2 s  240 ms
  tts.ready   20.5 s  1.90 s      +2.0 ms
  tts.warmup  22.4 s  500 ms

VRAM AFTER      AT      USED     CHANGE
kwd         496 ms   512 MiB     +0 MiB
llm         11.6 s  4608 MiB  +4096 MiB

Total               22.9 s
Loader's own time   53 ms (45 ms before the first service, 6.0 ms between services, 2.0 ms after the last)
First CUDA context  900 ms
Greeting            spoken, 940 ms, wake word back after 152 ms
Versions            alexa-loader 1.0.0, Deno 2.9.6, driver 570.86
Configuration       /etc/alexa-loader/loader.yaml
`.slice(1),
  );
});

Deno.test("renderBoot() of a boot that got nowhere has no empty parts", () => {
  const record: BootRecord = {
    ...bootRecord(1),
    outcome: "failed",
    total_boot_ms: null,
    first_cuda_context_ms: null,
    services: [],
    spans: [],
    vram: [],
    greeting: { outcome: "none", greeting_speak_ms: null, kwd_resume_after_ms: null, over_budget: null },
    versions: { deno: "2.9.6", driver: null },
  };
  assert.equal(
    renderBoot(record, [], { utc: true }),
    `
Boot b0000001  2026-01-02 10:01:00  failed  failed, no service failed

Loader's own time  0.0 ms (0.0 ms before the first service, 0.0 ms between services, 0.0 ms after the last)
Greeting           none
Versions           alexa-loader 1.0.0, Deno 2.9.6
Configuration      /etc/alexa-loader/loader.yaml
`.slice(1),
  );
});

Deno.test("renderWaterfall() draws one bar for each stage", () => {
  assert.equal(renderWaterfall(cold(), { width: 100 }), WATERFALL.slice(1));
});

Deno.test("renderWaterfall() fits the width, whatever the record holds", () => {
  const odd = cold();
  odd.spans[3]!.name = "a_service_with_a_very_long_name_indeed_and_日本語.ready";
  odd.spans.push({ name: "late", service: null, at_ms: 1e9, ms: 1 }, {
    name: "zero",
    service: null,
    at_ms: 0,
    ms: 0,
  });
  for (const record of [odd, cold(), withoutTts(), { ...cold(), total_boot_ms: null }]) {
    for (const width of [40, 57, 80, 200]) {
      for (const line of renderWaterfall(record, { width }).split("\n")) {
        assert.ok(displayWidth(line) <= width, `${width}: ${line}`);
      }
    }
  }
  const narrow = renderWaterfall(cold(), { width: 3 }).split("\n");
  assert.ok(narrow.every((line) => displayWidth(line) <= 40));
});

Deno.test("renderWaterfall() colours only when asked", () => {
  assert.equal(renderWaterfall(cold(), { width: 80 }).includes("\x1b"), false);
  // deno-lint-ignore no-control-regex
  const stripped = renderWaterfall(cold(), { width: 80, color: true }).replace(/\x1b\[\d+m/g, "");
  assert.equal(stripped, renderWaterfall(cold(), { width: 80 }));
});

Deno.test("renderDiff() gives each figure's change its sign", () => {
  const later: BootRecord = { ...cold(), version: "1.1.0", services: cold().services.slice(2) };
  Object.assign(later.services[1]!, { outcome: "failed", warmup_ms: null, prepare_async_ms: 280 });
  assert.equal(
    renderDiff(bootRecord(0), later, { utc: true }),
    `
b0000000 (2026-01-02 10:00:00, ready) -> b0000005 (2026-01-02 10:05:00, ready)

SERVICE   STAGE       b0000000  b0000005   CHANGE
llm       prepare       300 ms    300 ms   0.0 ms     0 %
llm       start         0.5 ms    0.5 ms   0.0 ms     0 %
llm       ready         8.00 s    16.8 s  +8.80 s  +110 %
llm       warm-up       240 ms    240 ms   0.0 ms     0 %
llm       gate lag      2.0 ms    2.0 ms   0.0 ms     0 %
tts       prepare       300 ms    280 ms   -20 ms    -7 %
tts       start         0.5 ms    0.5 ms   0.0 ms     0 %
tts       ready         1.90 s    1.90 s   0.0 ms     0 %
tts       warm-up       500 ms         -
tts       outcome           up    failed
kwd       start         0.5 ms         -
kwd       ready         420 ms         -
kwd       warm-up        30 ms         -
kwd       gate lag      2.0 ms         -
kwd       outcome           up    absent
stt       prepare       300 ms         -
stt       start         0.5 ms         -
stt       ready         2.60 s         -
stt       warm-up       310 ms         -
stt       gate lag      2.0 ms         -
stt       outcome           up    absent
greeting  spoken        940 ms    940 ms   0.0 ms     0 %
greeting  resume        152 ms    152 ms   0.0 ms     0 %
loader    own time       53 ms     53 ms   0.0 ms     0 %
loader    first CUDA    900 ms    900 ms   0.0 ms     0 %
total                   14.1 s    22.9 s  +8.80 s   +63 %

alexa-loader 1.0.0 -> 1.1.0
`.slice(1),
  );
});
