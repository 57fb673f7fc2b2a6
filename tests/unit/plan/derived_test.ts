/** What the plan derives: environment, warm-ups, timeouts, addresses, paths. */
import assert from "node:assert/strict";
import type { WarmupSpec } from "../../../lib/plan/mod.ts";
import { resolveArgv, resolvePath } from "../../../lib/plan/paths.ts";
import { planReadyTimeout } from "../../../lib/plan/timeouts.ts";
import { edited, four, load, planOf, specText } from "../../support/config_edit.ts";

Deno.test("planEnvironment() exports the specification's keys", () => {
  const [kwd, stt, llm, tts] = four(planOf(specText).services.map((service) => service.env));
  const cuda = {
    CUDA_MODULE_LOADING: "LAZY",
    PYTORCH_CUDA_ALLOC_CONF: "expandable_segments:True,max_split_size_mb:64",
  };
  assert.deepEqual(kwd, {
    ...cuda,
    OMP_NUM_THREADS: "2",
    MKL_NUM_THREADS: "2",
    OPENBLAS_NUM_THREADS: "2",
    BLIS_NUM_THREADS: "2",
    NUMEXPR_NUM_THREADS: "2",
    RAYON_NUM_THREADS: "2",
    ALEXA_BIND_PORT: "5001",
  });
  assert.deepEqual(stt, {
    ...cuda,
    ALEXA_BIND_PORT: "5002",
    ALEXA_BACKEND: "faster-whisper",
    ALEXA_COMPUTE_TYPE: "auto",
    ALEXA_MMAPPED: "true",
  });
  assert.deepEqual(llm, {
    ...cuda,
    ALEXA_BIND_PORT: "5003",
    ALEXA_SERVER: "ollama",
    ALEXA_MMAPPED: "true",
    ALEXA_KV_CACHE_TOKENS: "1024",
  });
  assert.deepEqual(tts, { ...cuda, ALEXA_BIND_PORT: "5004", ALEXA_DEFAULT_VOICE: "en_us_1" });
});

Deno.test("planEnvironment() lets an Ollama that we start keep its models, unless somebody says otherwise", () => {
  const llm = (cmd: string, own = "") =>
    edited(['    cmd: ["python", "-m", "services.llm_service"]', `    cmd: ${cmd}${own}`]);
  const keep = (text: string, env = {}) => planOf(text, { env }).services[2]!.env.OLLAMA_KEEP_ALIVE;
  for (const cmd of ["[ollama, serve]", "[/usr/local/bin/ollama, serve]"]) assert.equal(keep(llm(cmd)), "-1");
  for (const cmd of ["[ollama, run, llama3]", "[my-ollama, serve]", "[python, ollama]"]) {
    assert.equal(keep(llm(cmd)), undefined);
  }
  assert.equal(keep(llm("[ollama, serve]", "\n    env: { OLLAMA_KEEP_ALIVE: 30m }")), "30m");
  assert.equal(keep(llm("[ollama, serve]"), { OLLAMA_KEEP_ALIVE: "5m" }), undefined);
});

Deno.test("planEnvironment() lets the service's own env win, and exports its options", () => {
  const [kwd] = four(
    planOf(edited([
      "    threads: 2",
      "    threads: 2\n    options: { wake_word: alexa, gain: 1.5, vad: true }\n    env: { OMP_NUM_THREADS: 8, CUDA_MODULE_LOADING: EAGER }",
    ])).services,
  );
  assert.equal(kwd.env.ALEXA_WAKE_WORD, "alexa");
  assert.equal(kwd.env.ALEXA_GAIN, "1.5");
  assert.equal(kwd.env.ALEXA_VAD, "true");
  assert.equal(kwd.env.OMP_NUM_THREADS, "8");
  assert.equal(kwd.env.MKL_NUM_THREADS, "2");
  assert.equal(kwd.env.CUDA_MODULE_LOADING, "EAGER");
});

Deno.test("planEnvironment() lets a CUDA setting of the caller win over our default, not over the file", () => {
  const env = { CUDA_MODULE_LOADING: "EAGER" };
  assert.equal(planOf(specText, { env }).services[0]!.env.CUDA_MODULE_LOADING, "LAZY");
  const silent = edited(['    module_loading: "LAZY"  # sets CUDA_MODULE_LOADING\n', ""]);
  assert.equal(planOf(silent, { env }).services[0]!.env.CUDA_MODULE_LOADING, undefined);
  assert.equal(planOf(silent).services[0]!.env.CUDA_MODULE_LOADING, "LAZY");
  const empty = edited(['"expandable_segments:True,max_split_size_mb:64"', '""']);
  assert.equal(planOf(empty).services[0]!.env.PYTORCH_CUDA_ALLOC_CONF, undefined);
});

const common = { timeoutMs: 60_000, runs: 1, required: true };

Deno.test("planWarmup() chooses by role and readiness", () => {
  const [kwd, stt, llm, tts] = four(planOf(specText).services.map((service) => service.warmup));
  assert.deepEqual(kwd, {
    ...common,
    kind: "http",
    url: "http://127.0.0.1:5001/control/warmup",
    body: {},
    verb: true,
  });
  assert.deepEqual(stt, {
    ...common,
    kind: "wyoming",
    host: "127.0.0.1",
    port: 5002,
    ask: "transcribe",
    audio: "speech",
    audioMs: 300,
  });
  assert.ok(llm.kind === "none" && llm.warn);
  assert.match(String(llm.why), /services\.llm\.model/);
  assert.deepEqual(tts, {
    ...common,
    kind: "http",
    url: "http://127.0.0.1:5004/control/speak",
    body: { text: "Ready.", play: false },
    verb: true,
  });
});

/** The warm-up of one service after edits. */
function warmupOf(index: number, env: Record<string, string>, ...edits: [string, string][]): WarmupSpec {
  return planOf(edited(...edits), { env }).services[index]!.warmup;
}

Deno.test("planWarmup() warms Ollama where it is, with the context that production uses", () => {
  const model: [string, string] = ['server: "ollama"', 'server: "ollama"\n    model: "llama3.2:3b"'];
  const wanted = {
    ...common,
    kind: "ollama",
    url: "http://127.0.0.1:11434",
    model: "llama3.2:3b",
    tokens: 1,
    numCtx: 1024,
  };
  assert.deepEqual(warmupOf(2, {}, model), wanted);
  assert.deepEqual(warmupOf(2, { OLLAMA_HOST: "gpu:9999" }, model), { ...wanted, url: "http://gpu:9999" });
  const own: [string, string] = [
    "warmup_token: 1",
    "warmup: { kind: ollama, url: 'http://x:1/', model: m, tokens: 2, num_ctx: 64, timeout_sec: 5, runs: 2, required: false }",
  ];
  assert.deepEqual(warmupOf(2, {}, own), {
    kind: "ollama",
    url: "http://x:1",
    model: "m",
    tokens: 2,
    numCtx: 64,
    timeoutMs: 5000,
    runs: 2,
    required: false,
  });
});

Deno.test("planWarmup() warms OpenAI-style servers", () => {
  const readiness: [string, string] = [
    'readiness: { type: "grpc", target: "127.0.0.1:5003" }',
    "readiness: { type: http, url: 'http://127.0.0.1:5003/health' }",
  ];
  const openai = {
    ...common,
    kind: "openai",
    url: "http://127.0.0.1:5003",
    model: null,
  };
  assert.deepEqual(warmupOf(2, {}, readiness, ['"ollama"', '"openai"']), {
    ...openai,
    api: "completions",
    tokens: 1,
  });
  assert.deepEqual(warmupOf(3, {}, ["warmup: true", "warmup: { kind: openai }"]), {
    ...openai,
    url: "http://127.0.0.1:5004",
    api: "speech",
    voice: "en_us_1",
    text: "Ready.",
  });
  const nowhere = warmupOf(2, {}, ['"ollama"', '"openai"']);
  assert.ok(nowhere.kind === "none" && nowhere.warn);
});

Deno.test("P7: planWarmup() takes server: openai at its word for STT and TTS too", () => {
  const stt: [string, string][] = [
    ['{ type: "tcp", host: "127.0.0.1", port: 5002 }', "{ type: http, url: 'http://127.0.0.1:5002/health' }"],
    ['    backend: "faster-whisper"', '    backend: "faster-whisper"\n    server: openai\n    model: small'],
  ];
  assert.deepEqual(warmupOf(1, {}, ...stt), {
    ...common,
    kind: "openai",
    url: "http://127.0.0.1:5002",
    model: "small",
    api: "transcriptions",
    audio: "speech",
    audioMs: 300,
  });
  const speaks = "    server: openai\n    warmup: { kind: auto, text: Hello }";
  assert.deepEqual(warmupOf(3, {}, ["    warmup: true", speaks]), {
    ...common,
    kind: "openai",
    url: "http://127.0.0.1:5004",
    model: null,
    api: "speech",
    voice: "en_us_1",
    text: "Hello",
  });
  assert.equal(
    warmupOf(1, {}, stt[1]!).kind,
    "wyoming",
    "an STT that is not reached over http has its own way",
  );
});

Deno.test("planWarmup() can be switched off, which is no reason for a warning", () => {
  const off: WarmupSpec[] = [
    warmupOf(3, {}, ["warmup: true", "warmup: false"]),
    warmupOf(3, {}, ["warmup: true", "warmup: { kind: none }"]),
    warmupOf(1, {}, ["warmup_encoder_ms: 300", "warmup_encoder_ms: 0"]),
    warmupOf(2, {}, ["warmup_token: 1", "warmup_token: 0"]),
  ];
  for (const warmup of off) {
    assert.ok(warmup.kind === "none" && !warmup.warn && /switched off/.test(String(warmup.why)));
  }
});

Deno.test("planWarmup() warms an llm whose readiness is Ollama's, without being told so twice", () => {
  const warmup = (llm: string) => {
    const text = specText.replace(/ {2}llm:\n[^]*?(?= {2}tts:)/, `  llm: { manage: external, ${llm} }\n`);
    return planOf(text.replace(", llm: 5003", "")).services[2]!.warmup;
  };
  const asked = "readiness: { type: ollama, url: 'http://gpu:11434', model: llama3 }";
  const { kind, url, model } = warmup(asked);
  assert.deepEqual([kind, url, model], ["ollama", "http://gpu:11434", "llama3"]);
  assert.equal(warmup(`${asked}, server: mine`).kind, "none");
  assert.equal(
    warmup("readiness: { type: ollama }").why,
    "Ollama needs the name of a model: set services.llm.model",
  );
});

Deno.test("planWarmup() passes wishes on to the kind that auto chooses", () => {
  assert.deepEqual(
    warmupOf(1, {}, ["warmup_encoder_ms: 300", "warmup_encoder_ms: 500\n    warmup: { audio: silence }"]),
    {
      ...common,
      kind: "wyoming",
      host: "127.0.0.1",
      port: 5002,
      ask: "transcribe",
      audio: "silence",
      audioMs: 500,
    },
  );
  const tts = warmupOf(3, {}, ["warmup: true", "warmup: { text: Hello., timeout_sec: 2 }"]);
  assert.ok(tts.kind === "http");
  assert.deepEqual([tts.body, tts.timeoutMs], [{ text: "Hello.", play: false }, 2000]);
});

Deno.test("P3: planWarmup() warms a TTS over Wyoming by a synthesis, and one with verbs by them", () => {
  const readiness = (more = ""): [string, string] => [
    'readiness: { type: "http", url: "http://127.0.0.1:5004/healthz", expect_code: 200 }',
    `readiness: { type: wyoming, port: 5004 }${more}`,
  ];
  const wanted = { ...common, kind: "wyoming", host: "127.0.0.1", port: 5004, ask: "synthesize" };
  const piper = warmupOf(3, {}, readiness());
  assert.deepEqual(piper, { ...wanted, voice: "en_us_1", text: "Ready." });
  const named = warmupOf(
    3,
    {},
    ["warmup: true", "warmup: { kind: wyoming, voice: amy, text: Hello. }"],
    readiness(),
  );
  assert.deepEqual(named, { ...wanted, voice: "amy", text: "Hello." });
  const verbs = readiness("\n    control: { kind: http, url: 'http://127.0.0.1:5004' }");
  assert.equal(warmupOf(3, {}, verbs).kind, "http");
});

Deno.test("planWarmup() uses the control address where readiness is not asked over http", () => {
  const llm = warmupOf(2, {}, [
    '    server: "ollama"\n',
    "    control: { kind: http, url: 'http://127.0.0.1:6003/x' }\n",
  ]);
  assert.deepEqual(llm, {
    ...common,
    kind: "http",
    url: "http://127.0.0.1:6003/control/warmup",
    body: { tokens: 1 },
    verb: true,
  });
});

Deno.test("planWarmup() warns when there is no way for a service that infers, and only then", () => {
  const llm = warmupOf(2, {}, ['    server: "ollama"\n', ""]);
  assert.ok(llm.kind === "none" && llm.warn);
  const other = warmupOf(2, {}, ['    server: "ollama"\n', "    role: other\n"]);
  assert.ok(other.kind === "none" && !other.warn);
});

Deno.test("planReadyTimeout() learns from boots, within bounds, and says from where", () => {
  const loaded = load(specText);
  const llm = (history: number[]) => planReadyTimeout(loaded, "llm", history);
  assert.deepEqual(llm([]), { value: 90_000, from: "configured" });
  assert.deepEqual(llm([1, 2, 3, 4]), { value: 90_000, from: "configured" });
  assert.deepEqual(llm([60_000, 61_000, 62_000, 63_000, 64_000]), {
    value: 96_000,
    from: "p95 of 5 boots + 50 %",
  });
  const fast = llm([1000, 1000, 1000, 1000, 1000, 1000]);
  assert.equal(fast.value, 45_000);
  assert.match(fast.from, /^p95 of 6 boots \+ 50 %, raised to the least.*; up to 90 s while it progresses$/);
  assert.equal(fast.progressing, 90_000);
  const slow = llm(Array(9).fill(500_000));
  assert.equal(slow.value, 270_000);
  assert.match(slow.from, /cut to 3 x configured 90 s/);
  // Only the last twenty count, and one outlier among them is p95's to ignore.
  assert.equal(llm([...Array(50).fill(1), ...Array(19).fill(60_000), 900_000]).value, 90_000);
});

Deno.test("planReadyTimeout() is as configured without autotuning, and has a default for other services", () => {
  const fixed = load(edited(["autotune_timeouts: true", "autotune_timeouts: false"]));
  assert.deepEqual(planReadyTimeout(fixed, "llm", Array(9).fill(60_000)), {
    value: 90_000,
    from: "configured",
  });
  const silent = load(edited(["    llm_ready_sec: 90\n", ""]));
  assert.deepEqual(planReadyTimeout(silent, "llm", []), { value: 90_000, from: "default" });
  const other = edited(["services:\n", "services:\n  vad: { cmd: [x], readiness: { type: notify } }\n"], [
    'startup_sequence: ["kwd"',
    'startup_sequence: ["vad", "kwd"',
  ], ['shutdown_sequence: ["kwd"', 'shutdown_sequence: ["vad", "kwd"']);
  assert.deepEqual(planReadyTimeout(load(other), "vad", []), { value: 60_000, from: "default" });
  const named = load(other.replace("kwd_ready_sec: 20", "vad_ready_sec: 3"));
  assert.deepEqual(planReadyTimeout(named, "vad", []), { value: 3000, from: "configured" });
  // A short configured timeout stays the floor: five seconds are for those that allow them.
  assert.equal(planReadyTimeout(named, "vad", Array(5).fill(10)).value, 3000);
});

Deno.test("planBoot() hands each service its own history", () => {
  const plan = planOf(specText, { history: { stt: Array(5).fill(40_000) } });
  assert.deepEqual(plan.services.map((service) => service.readyTimeout.value), [
    20_000,
    60_000,
    90_000,
    25_000,
  ]);
});

Deno.test("resolvePath() and resolveArgv() work without the operating system", () => {
  assert.equal(resolvePath("/a/b", "c"), "/a/b/c");
  assert.equal(resolvePath("/a/b", "../../../c/./d//"), "/c/d");
  assert.equal(resolvePath("/a", "/x/../y"), "/y");
  assert.deepEqual(resolveArgv("/a", ["python", "x/y"]), ["python", "x/y"]);
  assert.deepEqual(resolveArgv("/a", ["bin/run", "x/y"]), ["/a/bin/run", "x/y"]);
});
