import assert from "node:assert/strict";
import { parse } from "yaml";
import { renderCheck, renderPlan } from "../../../lib/ui/plan_view.ts";
import { edited, load, planOf, specText } from "../../support/config_edit.ts";

Deno.test("renderPlan() tells order, probes, timeouts and their source, warm-ups, overlap, stop and greeting", () => {
  const text = renderPlan(planOf(specText, { history: { stt: Array(7).fill(30_000) } }));
  const table = text.split("\n").slice(3, 8);
  assert.deepEqual(table.map((line) => line.trim().split(/ {2,}/).slice(0, 4)), [
    ["service", "role", "port", "ready when"],
    ["1", "kwd", "kwd", "5001"],
    ["2", "stt", "stt", "5002"],
    ["3", "llm", "llm", "5003"],
    ["4", "tts", "tts", "5004"],
  ]);
  for (
    const words of [
      "http http://127.0.0.1:5001/ready = 200",
      "grpc 127.0.0.1:5003 SERVING",
      "20 s (configured)",
      "45 s (p95 of 7 boots + 50 %)",
      "wyoming 127.0.0.1:5002, 300 ms of speech, within 60 s",
      "WARNING: none: Ollama needs the name of a model",
      "model files, tokenizer files while kwd starts",
      "on-failure, 3 times in 600 s, after 2 s x 2, at most 30 s",
      "OMP_NUM_THREADS=2",
      '"Hi Master. Ready to serve."',
      "150 ms after it ends",
      "kwd, tts, llm, stt",
      "/home/me/.local/state/alexa-loader/a1b2c3/logs",
    ]
  ) assert.ok(text.includes(words), `${words}\n${text}`);
  assert.ok(!/ $/m.test(text), "no spaces at the ends of lines");
});

Deno.test("renderPlan() shows an external service, a command and a disabled greeting for what they are", () => {
  const text = renderPlan(planOf(edited(
    ['    cmd: ["python", "-m", "services.stt_service"]\n', "    manage: external\n"],
    ["stt: 5002, ", ""],
    ["enabled: true\n    text", "enabled: false\n    text"],
    ["warmup: true", 'warmup: { kind: exec, cmd: ["warm", "it up", "it\'s"] }'],
  )));
  assert.ok(text.includes("external: never started or stopped"));
  assert.ok(text.includes("No greeting"));
  assert.ok(text.includes(`exec warm 'it up' 'it'\\''s'`), text);
});

Deno.test("renderCheck() says ok, warns, and prints a configuration that loads again to the same", () => {
  const text = edited(["stt: 5002", "stt: 5012"]);
  const loaded = load(text);
  const shown = renderCheck(loaded, planOf(text));
  assert.match(
    shown,
    /^configuration ok: loader\.yaml, 4 services, 2 warnings\n\nWARNING loader\.yaml:27:30: stt/,
  );
  const yaml = shown.slice(shown.indexOf("\nloader:"));
  assert.deepEqual(parse(yaml), JSON.parse(JSON.stringify(loaded.config)));
  assert.deepEqual(load(yaml).config, loaded.config);
});

Deno.test("renderPlan() and renderCheck() keep secrets to themselves", () => {
  const text = edited([
    "    threads: 2",
    "    env: { OPENAI_API_KEY: sesame, HF_TOKEN: sesame, MAX_TOKENS: 77 }",
  ]);
  for (const shown of [renderPlan(planOf(text)), renderCheck(load(text), planOf(text))]) {
    assert.ok(!shown.includes("sesame"));
    assert.ok(shown.includes("77"));
  }
});
