/** Broken variants of the specification's configuration: each must be reported exactly where `‸` stands. */
import assert from "node:assert/strict";
import { edited, mark, marks, problemsOf, specText } from "../../support/config_edit.ts";

interface Variant {
  name: string;
  edits: [from: string, to: string][];
  /** One phrase per mark, in the order of the text: it must be in the problem's message, wanted, found or hint. */
  says: (string | RegExp)[];
}

const one = (name: string, from: string, to: string, ...says: (string | RegExp)[]): Variant => ({
  name,
  edits: [[from, to]],
  says,
});

const variants: Variant[] = [
  // Unknown keys.
  one("misspelt timeout", "kwd_ready_sec: 20", "‸kwd_redy_sec: 20", 'did you mean "kwd_ready_sec"?'),
  one("camel case", "gpu_index", "‸gpuIndex", 'did you mean "gpu_index"?'),
  one("dashes", "autotune_timeouts", "‸autotune-timeouts", 'did you mean "autotune_timeouts"?'),
  one(
    "key of a probe",
    "expect_code: 200 }\n    p",
    "‸expected_code: 200 }\n    p",
    'did you mean "expect_code"?',
  ),
  one("key of a service", "compute_type", "‸compute_typ", 'did you mean "compute_type"?'),
  one(
    "key of another mapping",
    "  gpu_index: 0",
    "  ‸threads: 2\n  gpu_index: 0",
    "belongs in services.<name>",
  ),
  one("top level", "services:", "‸extra: 1\nservices:", 'unknown key "extra"'),
  one("key of the wrong kind of probe", '"tcp", host', '"tcp", ‸url: "x", host', 'unknown key "url"'),
  one("merge key", "  kwd:\n", "  kwd:\n    ‸<<: { threads: 2 }\n", 'unknown key "<<"'),
  one(
    "timeout of nobody",
    "stt_ready_sec: 45",
    "stt_ready_sec: 45\n    ‸sst_ready_sec: 4",
    'did you mean "stt_ready_sec"?',
  ),
  // Wrong kinds.
  one("number in quotes", "gpu_index: 0", 'gpu_index: ‸"0"', "without quotes"),
  one(
    "number with a unit",
    "readiness_poll_ms: 250",
    "readiness_poll_ms: ‸250ms",
    "the key's last word is its unit",
  ),
  one("yes", "prewarm_next_service: true", "prewarm_next_service: ‸yes", "YAML 1.2 writes `true`"),
  one("off", "autotune_timeouts: true", "autotune_timeouts: ‸off", "YAML 1.2 writes `false`"),
  one(
    "command as text",
    '["python", "-m", "services.kwd_service"]',
    "‸python -m services.kwd_service",
    '["python", "-m",',
  ),
  one("number in a command", '"services.stt_service"]', '"x", ‸5002]', 'put it in quotes: "5002"'),
  one("fraction of a thread", "threads: 2", "threads: ‸2.5", "a whole number 1..4096"),
  one("sequence as text", '["kwd", "stt", "llm", "tts"]', '‸"kwd"', "a list of texts"),
  one(
    "list instead of mapping",
    "backoff: { initial_sec: 2, factor: 2.0, max_sec: 30 }",
    "backoff: ‸[2, 2, 30]",
    "a mapping",
  ),
  one("infinite", "window_sec: 600", "window_sec: ‸.inf", "a number 1..2592000"),
  one(
    "nothing",
    "  timeouts:\n    kwd_ready_sec: 20\n    stt_ready_sec: 45\n    llm_ready_sec: 90\n    tts_ready_sec: 25\n",
    "  ‸timeouts:\n",
    "nothing",
  ),
  one("voice as number", 'default_voice: "en_us_1"', "default_voice: ‸1", "a text"),
  // Out of bounds, not one of the choices.
  one("port too large", "port: 5002", "port: ‸65536", "a whole number 1..65535"),
  one("port 0", "kwd: 5001", "kwd: ‸0", "too small"),
  one("negative time", "per_service_grace_sec: 5", "per_service_grace_sec: ‸-5", "too small"),
  one("restart type", '"on-failure"', '‸"on_failure"', 'did you mean "on-failure"?'),
  one("probe type", '"tcp"', '‸"tpc"', 'did you mean "tcp"?'),
  one("module loading", '"LAZY"', '‸"lazy"', 'did you mean "LAZY"?'),
  one("orphans", "kill_orphans: true", "kill_orphans: ‸all", 'true or false or "any"'),
  one("role", "    threads: 2", "    role: ‸speech\n    threads: 2", '"kwd" or "stt"'),
  one("empty command", '["python", "-m", "services.tts_service"]', "‸[]", "empty"),
  one("empty program", '["python", "-m", "services.tts_service"]', '[‸"", x]', "begins with an empty text"),
  one("warm-up kind", "warmup: true", "warmup: { kind: ‸olama }", 'did you mean "ollama"?'),
  one("warm-up key", "warmup: true", "warmup: { kind: exec, cmd: [x], ‸timeout: 5 }", "unknown key"),
  one(
    "control of a later day",
    "warmup: true",
    "control: { kind: ‸telepathy }",
    '"http" or "wyoming" or "openai" or "lva" or "command" or "none"',
  ),
  // Missing.
  one(
    "no command",
    '  stt:\n    cmd: ["python", "-m", "services.stt_service"]\n',
    "  ‸stt:\n",
    '"cmd" is missing',
  ),
  one(
    "no readiness",
    '    readiness: { type: "grpc", target: "127.0.0.1:5003" }\n',
    "",
    '"readiness" is missing',
  ),
  one(
    "no port",
    'readiness: { type: "tcp", host: "127.0.0.1", port: 5002 }',
    '‸readiness: { type: "tcp", host: "127.0.0.1" }',
    '"port" is missing in services.stt.readiness',
  ),
  one(
    "no sequence",
    '  shutdown_sequence: ["kwd", "tts", "llm", "stt"]\n',
    "",
    '"shutdown_sequence" is missing',
  ),
  one("exec without a command", "warmup: true", "‸warmup: { kind: exec }", '"cmd" is missing'),
  // Sequences, names, ports.
  one(
    "unknown in sequence",
    '"llm", "tts"]',
    '‸"lmm", "tts"]',
    'did you mean "llm"?',
    "add it to loader.startup_sequence",
  ),
  one("twice in sequence", '["kwd", "tts", "llm", "stt"]', '["kwd", "tts", "llm", "stt", ‸"kwd"]', "twice"),
  one(
    "not in sequence",
    '["kwd", "tts", "llm", "stt"]',
    '["kwd", "tts", "llm"]',
    "is not in loader.shutdown_sequence",
  ),
  one("port given twice", "tts: 5004 }", "tts: ‸5003 }", "both llm and tts"),
  one("port of nobody", "tts: 5004 }", "tts: 5004, ‸tss: 5005 }", 'did you mean "tts"?'),
  {
    name: "reserved name",
    edits: [
      ["services:\n", "services:\n  ‸main: { cmd: [x], readiness: { type: notify } }\n"],
      ['startup_sequence: ["kwd"', 'startup_sequence: ["main", "kwd"'],
      ['shutdown_sequence: ["kwd"', 'shutdown_sequence: ["main", "kwd"'],
    ],
    says: ["program's own"],
  },
  // Meaning.
  one("gRPC at Ollama", "127.0.0.1:5003", "127.0.0.1:‸11434", "Ollama's own"),
  one("gRPC target with a scheme", '"127.0.0.1:5003"', '‸"http://127.0.0.1:5003"', "leave out the scheme"),
  one(
    "address without a scheme",
    '"http://127.0.0.1:5001/ready"',
    '‸"127.0.0.1:5001/ready"',
    "write http://127.0.0.1:5001/ready",
  ),
  one(
    "address with a password",
    '"http://127.0.0.1:5001/ready"',
    '‸"http://u:p@127.0.0.1:5001/ready"',
    "without a user name",
  ),
  one(
    "regular expression",
    '{ type: "tcp", host: "127.0.0.1", port: 5002 }',
    '{ type: log, pattern: ‸"(ready" }',
    "not a regular expression",
  ),
  one("external with a command", "    threads: 2", "    manage: external", "has a command"),
  one(
    "two wake words",
    "    mmapped: true\n    warmup_enc",
    "    role: ‸kwd\n    warmup_enc",
    "both kwd and stt have the role kwd",
  ),
  one("backoff backwards", "max_sec: 30", "max_sec: ‸1", "less than initial_sec"),
  one("variable not set", '"services.kwd_service"', '"x-‸${NOT_SET}"', "NOT_SET is not set"),
  one("half a variable", '"services.kwd_service"', '"‸${kwd"', "write `$$` for a plain `$`"),
  one("number that changes", "    threads: 2", "    env: { PIN: ‸0123 }", 'put it in quotes: "0123"'),
  one("environment name", "    threads: 2", "    env: { ‸1X: a }", "not beginning with a digit"),
  one("loader's own variable", "    threads: 2", "    options: { ‸boot_id: a }", "set by the loader itself"),
  one(
    "warm-up without a target",
    "warmup_token: 1",
    "‸warmup: { kind: openai }",
    "nothing says where to send it",
  ),
  one(
    "state on the RAM disk",
    "gpu_index: 0",
    "gpu_index: 0\n  state_dir: ‸/dev/shm/alexa",
    "cannot write under /dev",
  ),
  one("logs on the RAM disk", "gpu_index: 0", 'gpu_index: 0\n  log_dir: ‸"/dev/shm/logs"', "log_dir"),
  // YAML itself.
  one("key twice", "    threads: 2", "    threads: 2\n    ‸threads: 3", "is on line 58 already"),
  one("tab", "    threads: 2", "‸\tthreads: 2", "a tab"),
  one("missing comma", '"stt", "llm", "tts"]', '"stt" ‸"llm", "tts"]', "not valid YAML"),
  one("second document", "services:", "‸---\nservices:", "a second document"),
  one("tag", "gpu_index: 0", "gpu_index: ‸!gpu 0", "a tag that has no meaning here"),
  one("alias of nothing", "gpu_index: 0", "gpu_index: ‸*gpu", "alias"),
  one("number as key", "services:\n", "services:\n  ‸1: x\n", "not a usable key"),
];

/** Variants whose place was there before: the mark goes to an untouched part of the text. */
const untouched: Record<string, [from: string, to: string]> = {
  "unknown in sequence": ["  llm:\n", "  ‸llm:\n"],
  "no readiness": ["  llm:\n", "  ‸llm:\n"],
  "no sequence": ["loader:\n", "‸loader:\n"],
  "not in sequence": ["  stt:\n", "  ‸stt:\n"],
  "external with a command": [
    '    cmd: ["python", "-m", "services.kwd',
    '    ‸cmd: ["python", "-m", "services.kwd',
  ],
};

for (const { name, edits, says } of variants) {
  Deno.test(`parseConfig() points at the place: ${name}`, () => {
    const { text, places } = marks(edited(...edits, ...(untouched[name] ? [untouched[name]] : [])));
    assert.equal(places.length, says.length, `a ${mark} for each phrase`);
    const problems = problemsOf(text);
    const found = problems.map(({ line, column }) => ({ line, column }));
    assert.deepEqual(found, places, problems.map((problem) => problem.message).join("\n"));
    problems.forEach((problem, i) => {
      const words = [problem.message, problem.wanted, problem.found, problem.hint].join("\n");
      assert.ok(typeof says[i] === "string" ? words.includes(says[i]) : says[i]!.test(words), words);
    });
  });
}

Deno.test("parseConfig() wants a service", () => {
  const problem = problemsOf(`${specText.slice(0, specText.indexOf("services:"))}services: {}\n`)[0]!;
  assert.deepEqual([problem.line, problem.column, problem.message], [53, 1, "there is no service"]);
});

Deno.test("parseConfig() answers in time, however much is wrong", () => {
  const msOf = (count: number) => {
    const keys = Array.from({ length: count }, (_, i) => `  k${i}: ${i}`);
    const before = performance.now();
    assert.ok(problemsOf(edited(["loader:\n", `loader:\n${keys.join("\n")}\n`])).length >= count);
    return performance.now() - before;
  };
  msOf(500);
  const [few, many] = [msOf(1500), msOf(15_000)];
  // Ten times as much: a hundred times as long it takes what looks at all of them for each, on any machine.
  assert.ok(many < 50 * Math.max(few, 20), `${many} and ${few} ms`);
});

Deno.test("there are at least 40 broken variants, each with a name of its own", () => {
  assert.ok(variants.length >= 40);
  assert.equal(new Set(variants.map(({ name }) => name)).size, variants.length);
});

Deno.test("parseConfig() reports all problems at once, in the order of the file, whatever kind they are", () => {
  const { text, places } = marks(edited(
    ["gpu_index: 0", 'gpu_index: ‸"0"'],
    ['"llm", "tts"]', '‸"lmm", "tts"]'],
    ["kwd_ready_sec", "‸kwd_redy_sec"],
    ["tts: 5004", "tts: ‸5003"],
    ['"services.kwd_service"', '"‸${NOT_SET}"'],
    ["threads: 2", "threads: ‸0\n    ‸threads: 4"],
    ["port: 5002", "‸prt: 5002"],
    ["  stt:\n    cmd", "  stt:\n    cmd"],
    ['    readiness: { type: "tcp"', '    ‸readiness: { type: "tcp"'],
    ["  llm:\n", "  ‸llm:\n"],
  ));
  const problems = problemsOf(text);
  assert.deepEqual(problems.map(({ line, column }) => ({ line, column })), places);
});
