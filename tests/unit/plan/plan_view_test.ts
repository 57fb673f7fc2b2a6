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

Deno.test("P15: renderCheck() ends with the verdict; the defaults are shown when asked for, and load to the same", () => {
  const text = edited(["stt: 5002", "stt: 5012"]);
  const loaded = load(text);
  const verdict = "configuration ok: loader.yaml, 4 services, 2 warnings";
  const [warnings, last, ...more] = renderCheck(loaded, planOf(text)).split("\n\n");
  assert.match(warnings!, /^WARNING loader\.yaml:27:30: stt.*\nWARNING .*$/);
  assert.equal(last, verdict);
  assert.deepEqual(more, []);
  const shown = renderCheck(loaded, planOf(text), { all: true });
  assert.ok(shown.endsWith(`\n\n${warnings}\n\n${verdict}`), shown);
  const yaml = shown.slice(0, shown.indexOf("\n\nWARNING"));
  assert.deepEqual(parse(yaml), JSON.parse(JSON.stringify(loaded.config)));
  assert.deepEqual(load(yaml).config, loaded.config);
});

Deno.test("P15: check warns of a greeting that cannot be spoken, and plan says the same about pausing", () => {
  const kwdUrl = '{ type: "http", url: "http://127.0.0.1:5001/ready", expect_code: 200 }';
  const ttsUrl = '{ type: "http", url: "http://127.0.0.1:5004/healthz", expect_code: 200 }';
  const tcp = (port: number) => `{ type: "tcp", port: ${port} }`;
  const seen = (...edits: [string, string][]) => {
    const text = edited(...edits);
    const warnings = load(text).warnings.map(({ message, hint }) => `${message} (${hint})`);
    return { warnings, plan: renderPlan(planOf(text)) };
  };
  assert.deepEqual(seen().warnings, []);
  assert.match(seen().plan, /wake word +paused while it speaks$/m);

  const mute = seen([ttsUrl, tcp(5004)]);
  assert.deepEqual(mute.warnings, [
    "tts has no way to be asked to speak: no greeting is spoken (set services.tts.control, or loader.post_boot_greeting.enabled: false)",
  ]);
  assert.match(mute.plan, /No greeting: tts has no control; wake-word listening is enabled at once\./);

  const deaf = seen([kwdUrl, tcp(5001)]);
  assert.deepEqual(deaf.warnings, [
    "kwd has no way to be paused: it listens while the greeting is spoken (set services.kwd.control, or loader.post_boot_greeting.kwd_pause_during_tts: false)",
  ]);
  assert.match(deaf.plan, /wake word +listens while it speaks, since it cannot be paused$/m);
  assert.doesNotMatch(deaf.plan, /paused while it speaks/);

  const off = ["kwd_pause_during_tts: true", "kwd_pause_during_tts: false"] as [string, string];
  assert.deepEqual(seen([kwdUrl, tcp(5001)], off).warnings, []);
  const command = '    control: { kind: command, speak: [flite, "{text}"] }\n';
  assert.deepEqual(seen([ttsUrl, tcp(5004) + "\n" + command.trimEnd()]).warnings, []);
});

Deno.test("renderPlan() and renderCheck() keep secrets to themselves", () => {
  const text = edited([
    "    threads: 2",
    "    env: { OPENAI_API_KEY: sesame, HF_TOKEN: sesame, MAX_TOKENS: 77 }",
  ]);
  for (const shown of [renderPlan(planOf(text)), renderCheck(load(text), planOf(text), { all: true })]) {
    assert.ok(!shown.includes("sesame"));
    assert.ok(shown.includes("77"));
  }
});
