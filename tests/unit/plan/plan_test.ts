import assert from "node:assert/strict";
import { edited, factsWith, four, load, planOf, problemsOf, specText } from "../../support/config_edit.ts";
import { planBoot } from "../../../lib/plan/mod.ts";
import { withProcesses } from "../../support/with_processes.ts";

Deno.test("planBoot() resolves the specification's configuration", () => {
  const plan = planOf(specText);
  assert.equal(plan.instance, "a1b2c3");
  assert.equal(plan.configPath, "/etc/alexa/loader.yaml");
  assert.deepEqual(plan.services.map((service) => service.name), ["kwd", "stt", "llm", "tts"]);
  assert.deepEqual(plan.stopOrder, ["kwd", "tts", "llm", "stt"]);
  assert.equal(plan.pollMaxMs, 250);
  assert.equal(plan.lookahead, 1);
  assert.deepEqual(plan.prewarm, { enabled: true, files: true, tokenizers: true });
  assert.deepEqual(plan.greeting, {
    enabled: true,
    text: "Hi Master. Ready to serve.",
    pauseDuringTts: true,
    resumeAfterMs: 150,
    timeoutMs: 5000,
    budgetMs: 1500,
    outputLatencyMs: 0,
  });
  assert.deepEqual(plan.hygiene, {
    enabled: true,
    ports: { kwd: 5001, stt: 5002, llm: 5003, tts: 5004 },
    unixSockets: [],
    pidFiles: [],
    killOrphans: "own",
  });
  assert.deepEqual(plan.shutdown, { graceMs: 5000, budgetMs: 10_000 });
  assert.deepEqual(plan.gpu, { index: 0, pollMs: 2000, deltasOnly: true, waitMs: 30_000, onShort: "warn" });
  assert.deepEqual(plan.log, { rotateBytes: 20 * 1024 * 1024, keep: 5, combined: true, childOutput: true });
  assert.equal(plan.onLoaderDeath, "stop");
  assert.deepEqual(plan.warnings, []);
});

Deno.test("planBoot() resolves each of the specification's services", () => {
  const [kwd, stt, llm, tts] = four(planOf(specText).services);
  assert.deepEqual(kwd.argv, ["python", "-m", "services.kwd_service"]);
  assert.equal(kwd.tag, "KWD");
  assert.equal(kwd.role, "kwd");
  assert.equal(kwd.workdir, "/home/me");
  assert.equal(kwd.bindPort, 5001);
  assert.deepEqual(kwd.readyTimeout, { value: 20_000, from: "configured" });
  assert.deepEqual(kwd.control, { kind: "http", url: "http://127.0.0.1:5001" });
  assert.deepEqual(kwd.prepare, { files: true, standby: false, globs: [], tokenizers: true });
  assert.deepEqual(kwd.health, {
    probes: kwd.readiness,
    intervalMs: 5000,
    timeoutMs: 2000,
    failures: 3,
    busy: { cpu: true, limitMs: 120_000 },
  });
  assert.deepEqual(kwd.restart, {
    type: "on-failure",
    maxRestarts: 3,
    windowMs: 600_000,
    backoff: { initialMs: 2000, factor: 2, maxMs: 30_000 },
    noRestartExitCodes: [],
  });
  assert.equal(kwd.graceMs, 5000);
  assert.equal(kwd.stopSignal, "SIGTERM");
  assert.deepEqual(stt.readiness, [
    { type: "tcp", host: "127.0.0.1", port: 5002, listener: { host: "127.0.0.1", port: 5002 } },
  ]);
  assert.deepEqual(stt.control, { kind: "none" });
  assert.equal(stt.prepare.files, true, "mmapped turns the file prewarm on");
  assert.deepEqual(stt.engine, { backend: "faster-whisper", server: null, model: null });
  assert.deepEqual(llm.readiness, [
    { type: "grpc", target: "127.0.0.1:5003", service: "", listener: { host: "127.0.0.1", port: 5003 } },
  ]);
  assert.equal(llm.readyTimeout.value, 90_000);
  assert.equal(tts.prepare.files, false);
  assert.equal(tts.readyTimeout.value, 25_000);
});

Deno.test("planBoot() follows the sequence, not the order of the services in the file", () => {
  const plan = planOf(edited(['["kwd", "stt", "llm", "tts"]', '["tts", "llm", "stt", "kwd"]']));
  assert.deepEqual(plan.services.map((service) => service.name), ["tts", "llm", "stt", "kwd"]);
});

Deno.test("planBoot() makes every path absolute: from the configuration, and the default folder from the caller", () => {
  const plan = planOf(edited(
    ["  gpu_index: 0", "  gpu_index: 0\n  state_dir: ../state\n  log_dir: /var/log/alexa"],
    ["unix_sockets: []", 'unix_sockets: ["run/a.sock", "/run/b.sock"]'],
    ["pid_files: []", 'pid_files: ["./a.pid"]'],
    ['["python", "-m", "services.kwd_service"]', '["./kwd.sh", "./stays"]'],
    ["    threads: 2", "    workdir: work/kwd\n    prepare: { files: [models/*.onnx] }"],
    ["warmup: true", 'warmup: { kind: exec, cmd: ["bin/warm"] }'],
  ));
  const [kwd, stt, , tts] = four(plan.services);
  assert.deepEqual(plan.dirs.state, "/etc/state");
  assert.equal(plan.dirs.log, "/var/log/alexa");
  assert.deepEqual(plan.hygiene.unixSockets, ["/etc/alexa/run/a.sock", "/run/b.sock"]);
  assert.deepEqual(plan.hygiene.pidFiles, ["/etc/alexa/a.pid"]);
  assert.deepEqual(kwd.argv, ["/etc/alexa/kwd.sh", "./stays"]);
  assert.equal(kwd.workdir, "/etc/alexa/work/kwd");
  assert.deepEqual(kwd.prepare, {
    files: true,
    standby: false,
    globs: ["/etc/alexa/models/*.onnx"],
    tokenizers: true,
  });
  assert.equal(stt.workdir, "/home/me");
  assert.ok(tts.warmup.kind === "exec");
  assert.deepEqual(tts.warmup.cmd, ["/etc/alexa/bin/warm"]);
});

Deno.test("planBoot() keeps the program's own stand-ins as they are", () => {
  const plan = planOf(
    edited(['["python", "-m", "services.kwd_service"]', '["@demo", "kwd", "--load-ms=5"]']),
  );
  assert.deepEqual(plan.services[0]!.argv, ["@demo", "kwd", "--load-ms=5"]);
});

Deno.test("planBoot() leaves an external service's process alone", () => {
  const [kwd, stt] = four(
    planOf(edited(
      ['    cmd: ["python", "-m", "services.stt_service"]\n', "    manage: external\n"],
      ["stt: 5002, ", ""],
    )).services,
  );
  assert.equal(kwd.manage, "spawn");
  assert.equal(stt.manage, "external");
  assert.deepEqual(stt.argv, []);
  // Its variables are for the commands that we run on its behalf, such as an exec probe.
  assert.equal(stt.env.CUDA_MODULE_LOADING, kwd.env.CUDA_MODULE_LOADING);
  assert.ok(!("ALEXA_BIND_PORT" in stt.env));
  assert.equal(stt.bindPort, null);
  assert.deepEqual(stt.readiness, [{ type: "tcp", host: "127.0.0.1", port: 5002 }]);
  assert.equal(stt.warmup.kind, "wyoming");
});

Deno.test("planBoot() wants the service's own listener on this machine, unless it was said or is plain that it is another's", () => {
  const listens = (probe: string) => {
    const asked =
      planOf(edited(['{ type: "tcp", host: "127.0.0.1", port: 5002 }', probe])).services[1]!.readiness;
    return asked.map((spec) => "listener" in spec ? spec.listener?.port : null);
  };
  assert.deepEqual(listens("{ type: http, url: 'http://localhost:5002/' }"), [5002]);
  assert.deepEqual(listens("{ type: wyoming, port: 5002 }"), [5002]);
  assert.deepEqual(listens("{ type: ollama, url: 'http://127.0.0.1:5002' }"), [5002]);
  assert.deepEqual(listens("{ type: http, url: 'http://localhost:5002/', owner: any }"), [null]);
  assert.deepEqual(listens("{ type: http, url: 'http://10.0.0.7:5002/' }"), [null]);
  assert.deepEqual(listens("[{ type: tcp, port: 5002 }, { type: ollama }, { type: notify }]"), [
    5002,
    null,
    null,
  ]);
});

Deno.test("planBoot() takes a port from readiness when port_hygiene names none, if it is on this machine", () => {
  const ports: [string, string] = ["ports: { kwd: 5001, stt: 5002, llm: 5003, tts: 5004 }", "ports: {}"];
  assert.deepEqual(planOf(edited(ports)).hygiene.ports, { kwd: 5001, stt: 5002, llm: 5003, tts: 5004 });
  const elsewhere = planOf(edited(ports, ['"127.0.0.1:5003"', '"10.1.1.1:5003"']));
  assert.equal(elsewhere.services[2]!.bindPort, null);
  assert.deepEqual(elsewhere.hygiene.ports, { kwd: 5001, stt: 5002, tts: 5004 });
});

Deno.test("planBoot() applies a service's own values over the loader's", () => {
  const plan = planOf(edited([
    "    threads: 2",
    `    grace_sec: 1.5
    stop_signal: SIGINT
    health: { interval_sec: 1, timeout_ms: 100, failures: 5, busy: cpu, probe: { type: tcp, port: 5001 } }
    restart: { max_restarts: 9, backoff: { initial_sec: 60 }, no_restart_exit_codes: [3] }
    gpu: required
    vram_mb: 900
    control: { kind: command, speak: [flite, "{text}"] }`,
  ]));
  const [kwd, stt] = four(plan.services);
  assert.equal(kwd.graceMs, 1500);
  assert.equal(kwd.stopSignal, "SIGINT");
  assert.deepEqual(kwd.health, {
    probes: [{ type: "tcp", host: "127.0.0.1", port: 5001, listener: { host: "127.0.0.1", port: 5001 } }],
    intervalMs: 1000,
    timeoutMs: 100,
    failures: 5,
    busy: { cpu: true, limitMs: 120_000 },
  });
  assert.deepEqual(kwd.restart, {
    type: "on-failure",
    maxRestarts: 9,
    windowMs: 600_000,
    backoff: { initialMs: 60_000, factor: 2, maxMs: 60_000 },
    noRestartExitCodes: [3],
  });
  assert.equal(kwd.gpu, "required");
  assert.equal(kwd.vramMb, 900);
  assert.deepEqual(kwd.control, { kind: "command", speak: ["flite", "{text}"], pause: null, resume: null });
  assert.equal(stt.restart.maxRestarts, 3);
});

Deno.test("planBoot() has the roles from the names, unless they are given", () => {
  const plan = planOf(
    edited(["    threads: 2", "    role: other"], [
      "    mmapped: true\n    warmup_enc",
      "    role: kwd\n    warmup_enc",
    ]),
  );
  assert.deepEqual(plan.services.map((service) => service.role), ["other", "kwd", "llm", "tts"]);
});

Deno.test("planBoot() does not ask a log line whether the service still lives", () => {
  const plan = planOf(edited(
    [
      'readiness: { type: "tcp", host: "127.0.0.1", port: 5002 }',
      "readiness: [{ type: log, pattern: up }, { type: notify }]",
    ],
  ));
  assert.deepEqual(plan.services[1]!.readiness, [{ type: "log", pattern: "up" }, { type: "notify" }]);
  assert.deepEqual(plan.services[1]!.health.probes, [{ type: "notify" }]);
});

Deno.test("planBoot() says where a warning is", () => {
  const warning = planOf(edited(["stt: 5002", "stt: 5012"])).warnings[0]!;
  assert.match(warning, /^loader\.yaml:27:30: stt: port_hygiene has port 5012, .* \(if stt listens on 5002/);
});

Deno.test("planBoot() has lookahead all as the number of services", () => {
  assert.equal(planOf(edited(["  gpu_index: 0", "  prepare: { lookahead: all }"])).lookahead, 4);
});

Deno.test("planBoot() keeps folders per instance, and sockets short enough", () => {
  const env = { XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/run/user/1000" };
  assert.deepEqual(planOf(specText, { env }).dirs, {
    state: "/s/alexa-loader/a1b2c3",
    log: "/s/alexa-loader/a1b2c3/logs",
    runtime: "/run/user/1000/alexa-loader/a1b2c3",
  });
  assert.deepEqual(planOf(specText).dirs, {
    state: "/home/me/.local/state/alexa-loader/a1b2c3",
    log: "/home/me/.local/state/alexa-loader/a1b2c3/logs",
    runtime: "/tmp/alexa-loader-1000/a1b2c3",
  });
  const named = edited(["  gpu_index: 0", "  name: kitchen"]);
  assert.equal(planOf(named, { env }).dirs.runtime, "/run/user/1000/alexa-loader/kitchen");
  const long = { XDG_RUNTIME_DIR: `/${"x".repeat(80)}`, XDG_STATE_HOME: "relative" };
  assert.equal(planOf(specText, { env: long }).dirs.runtime, "/tmp/alexa-loader-1000/a1b2c3");
  assert.equal(planOf(specText, { env: long }).dirs.state, "/home/me/.local/state/alexa-loader/a1b2c3");
});

Deno.test("planBoot() asks for the instance's name with the configuration's path", () => {
  const asked: string[] = [];
  planBoot(load(specText), factsWith({ instanceHash: (path) => (asked.push(path), "x") }));
  assert.deepEqual(asked, ["/etc/alexa/loader.yaml"]);
});

withProcesses.test("lib/plan does not load zod or yaml", () => {
  const module = new URL("../../../lib/plan/mod.ts", import.meta.url).href;
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json", module] }).outputSync();
  const graph = JSON.parse(new TextDecoder().decode(stdout));
  const code = reachable(graph, module);
  assert.ok(code.size > 5);
  assert.deepEqual([...code].filter((name) => name.startsWith("npm:") || name.endsWith("/schema.ts")), []);
  // What a kind loads when it asks is its own; zod and yaml nobody there loads at all.
  const later = [...reachable(graph, module, { lazy: true })];
  assert.deepEqual(later.filter((name) => /^npm:(zod|yaml)|\/schema\.ts$/.test(name)), []);
});

interface Graph {
  modules: { specifier: string; dependencies?: { isDynamic?: boolean; code?: { specifier: string } }[] }[];
}

/** Modules that are loaded at run time: type imports have no `code`. `lazy`: also those that are loaded only when needed. */
function reachable(graph: Graph, root: string, { lazy = false } = {}): Set<string> {
  const found = new Set<string>();
  const visit = (specifier: string) => {
    if (found.has(specifier)) return;
    found.add(specifier);
    const module = graph.modules.find((candidate) => candidate.specifier === specifier);
    for (const { code, isDynamic } of module?.dependencies ?? []) {
      if (code && (lazy || !isDynamic)) visit(code.specifier);
    }
  };
  visit(root);
  return found;
}

Deno.test("P10: the greeting's watchdog grows with its text, unless it is set", () => {
  const timeoutOf = (...lines: string[]) =>
    planOf(edited(["    # Controls KWD/TTS", [...lines, "    # Controls KWD/TTS"].join("\n")])).greeting
      .timeoutMs;
  const text = (n: number) =>
    planOf(edited(["Hi Master. Ready to serve.", "x".repeat(n)])).greeting.timeoutMs;
  assert.equal(text(26), 5000);
  assert.equal(text(30), 5000);
  assert.equal(text(31), 5100);
  assert.equal(text(133), 15_300);
  assert.equal(timeoutOf("    timeout_sec: 3"), 3000);
});

Deno.test("the output latency that a self-test measured holds, unless one is configured", () => {
  const plannedWith = (greeting: string) => {
    const text = edited(["  post_boot_greeting:", `  post_boot_greeting:${greeting}`]);
    return planOf(text, { outputLatencyMs: 320 }).greeting.outputLatencyMs;
  };
  assert.equal(plannedWith(""), 320);
  assert.equal(plannedWith("\n    output_latency_ms: 0"), 0);
});

Deno.test("selftest: at_boot is short for a mapping; its programs and its room are planned", () => {
  const plannedWith = (selftest: string) =>
    planOf(edited(["loader:\n", `loader:\n  selftest: ${selftest}\n`])).selftest;
  const nothing = { atBoot: false, player: null, recorder: null, room: null };
  assert.deepEqual(plannedWith("at_boot"), { ...nothing, atBoot: true });
  assert.deepEqual(plannedWith("{ recorder: [./rec, x], room: '127.0.0.1:5006' }"), {
    ...nothing,
    recorder: ["/etc/alexa/rec", "x"],
    room: { host: "127.0.0.1", port: 5006 },
  });
  assert.match(
    problemsOf(edited(["loader:\n", "loader:\n  selftest: { room: here }\n"]))[0]!.message,
    /not the address of a room/,
  );
});
