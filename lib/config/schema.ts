/**
 * The shape of the configuration: every key, its bounds, its meaning and its default. Those of a probe, a warm-up or a
 * control are in its kind's file. The JSON Schema for editors and the reference are generated from it. Spec: §3;
 * CONTRACT §1–§5.
 *
 * What depends on more than one key is not here but in `rules.ts`; what is derived from the values is in `plan/`.
 */
import * as z from "zod";
import { controlKinds } from "../controls/kinds.ts";
import { probeKinds } from "../probes/kinds.ts";
import { shapesOf } from "../shapes.ts";
import { commonKeys, usualAudioMs, usualTokens } from "../warmups/kind.ts";
import { warmupChoices } from "../warmups/kinds.ts";
import { otherReadySec } from "./defaults.ts";
import { receiver } from "./receiver.ts";
import { serviceNameMax, serviceNamePattern } from "./service_rules.ts";

// One small file is checked once: compiling the schema to code first takes longer than that.
z.config({ jitless: true });

const shapes = shapesOf({
  array: z.array,
  boolean: z.boolean,
  enum: z.enum,
  int: z.int,
  literal: z.literal,
  number: z.number,
  record: z.record,
  strictObject: z.strictObject,
  string: z.string,
  unknown: z.unknown,
});
const { second, positiveSecond, millisecond, text, port, argv } = shapes;
/** One of several mappings, chosen by what `key` says. What else is in it only its kind knows. */
function oneOf<Key extends string, Mapping extends z.ZodObject>(key: Key, mappings: readonly Mapping[]) {
  return z.discriminatedUnion(key, mappings as unknown as [never, ...never[]]) as unknown as z.ZodType<
    z.output<Mapping> & { [key in Key]: string } & Record<string, unknown>
  >;
}
const scalar = () => z.union([z.string(), z.number(), z.boolean()]);

const variableName = () =>
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _, not beginning with a digit");
const optionName = () =>
  z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, "letters, digits and _, beginning with a letter");

// ——— readiness (CONTRACT §2) ———

const probe = oneOf("type", probeKinds.map((kind) => kind.schema(shapes))).meta({ id: "probe" });
const probes = () => z.union([probe, z.array(probe).min(1).max(16)]);

// ——— health (§6) ———

const busy = z.strictObject({
  cpu: z.boolean().optional().describe(
    "A probe that times out while the service burns CPU means busy, not dead; true when left out, unless it is external",
  ),
  limit_sec: second().default(120).describe("How long busy may last before it counts as dead"),
});

const health = z.strictObject({
  probe: probes().optional().describe("What to ask; `readiness` when left out"),
  interval_sec: positiveSecond().optional().describe(
    "Time between two checks; `loader.health_check_interval_sec` when left out",
  ),
  timeout_ms: z.number().min(10).max(600_000).default(2000).describe("How long one check may take"),
  failures: z.int().min(1).max(1000).optional().describe(
    "Failed checks in a row that lead to a restart; 3, and of an external service 2, when left out",
  ),
  busy: z.union([z.literal("cpu").transform(() => busy.parse({ cpu: true })), busy]).prefault({}).describe(
    "When a slow answer is forgiven; `cpu` is short for `{ cpu: true }`",
  ),
});

// ——— warm-up (CONTRACT §4) ———

const common = commonKeys(shapes);
const warmup = oneOf("kind", warmupChoices().map((choice) => choice.schema(shapes, common)));

// ——— how it is reached ———

const tls = z.strictObject({
  ca_file: text().optional().describe(
    "PEM file of the authority that its certificate is to be signed by, beside those that everybody trusts",
  ),
  cert_file: text().optional().describe("PEM file of our own certificate, where it asks for one"),
  key_file: text().optional().describe("PEM file of its key"),
  server_name: text(253).optional().describe(
    "Name in its certificate; the host of its address when left out",
  ),
});

const wakeOnLan = z.strictObject({
  mac: z.string().regex(
    /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/,
    "six pairs of hexadecimal digits, as aa:bb:cc:dd:ee:ff",
  )
    .describe("Address of its network card"),
  broadcast: text(300).default("255.255.255.255").describe(
    "Where the magic packet is sent: an address, or address:port; port 9 when left out",
  ),
  wait_sec: positiveSecond(3600).default(90).describe(
    "How long its machine may take until the service answers",
  ),
});

const elsewhere = z.strictObject({
  url: text().describe("Where its `control.listen` is, https://host:port"),
  token_file: text().describe("File with its token"),
  ca_file: text().optional().describe("PEM file of the authority of its certificate"),
});

// ——— prepare, control, restart ———

const prepare = z.strictObject({
  files: z.union([z.boolean(), z.array(text()).max(256)]).optional().describe(
    "Bring model files into the page cache while the previous service starts: found by themselves, or these globs. `prepare_async` or `mmapped` turn it on too",
  ),
  tokenizers: z.boolean().default(true).describe("Tokenizer files too"),
  standby: z.boolean().default(false).describe(
    "Start the process early with `ALEXA_STANDBY=1`; it binds no port until it reads the line `start`",
  ),
});

const control = oneOf("kind", controlKinds.map((kind) => kind.schema(shapes)));

/** A key of which one service may have its own value: loader-wide with a default, there without. */
const ownable = <T extends z.ZodType>(
  type: T,
  value: z.core.util.NoUndefined<z.output<T>>,
  words: string,
) => ({
  common: type.default(value).describe(words),
  own: type.optional().describe(words),
});
const allOf = <S extends Record<string, { common: z.ZodType; own: z.ZodType }>>(keys: S) => {
  const shape = (which: "common" | "own") =>
    Object.fromEntries(Object.entries(keys).map(([key, type]) => [key, type[which]]));
  return {
    common: z.strictObject(shape("common") as { [K in keyof S]: S[K]["common"] }),
    own: z.strictObject(shape("own") as { [K in keyof S]: S[K]["own"] }),
  };
};

const backoff = allOf({
  initial_sec: ownable(second(), 2, "Before the first restart"),
  factor: ownable(z.number().min(1).max(100), 2, "Multiplier from one restart to the next"),
  max_sec: ownable(second(), 30, "Longest wait"),
});
const backoffWords = "Waiting time before a restart";
const restart = allOf({
  type: ownable(
    z.enum(["on-failure", "always", "never"]),
    "on-failure",
    "When a service that exited or failed is started again",
  ),
  max_restarts: ownable(
    z.int().min(0).max(10_000),
    3,
    "Restarts within the window before it is given up (DEGRADED)",
  ),
  window_sec: ownable(z.number().min(1).max(2_592_000), 600, "Length of the window"),
  backoff: {
    common: backoff.common.prefault({}).describe(backoffWords),
    own: backoff.own.optional().describe(backoffWords),
  },
  no_restart_exit_codes: ownable(
    z.array(z.int().min(0).max(255)).max(256),
    [],
    "Exit codes after which it is not started again",
  ),
});

// ——— services ———

const service = z.strictObject({
  cmd: argv().optional().describe(
    "Program and arguments, never through a shell. `~` and `${VAR}` expand (`$$` is a `$`); a first word with a `/` is relative to this file",
  ),
  env: z.record(variableName(), scalar()).default({}).describe("Extra environment; `~` and `${VAR}` expand"),
  workdir: text().optional().describe("Working directory, relative to this file; the caller's when left out"),
  image: text(1024).optional().describe(
    "Container image that has `cmd`, for `export compose`, `quadlet` and `kubernetes`; the loader itself runs no containers",
  ),
  role: z.enum(["kwd", "stt", "llm", "tts", "other"]).optional().describe(
    "Part it plays; the service's name if that is a role, else `other`, when left out",
  ),
  manage: z.enum(["spawn", "external"]).default("spawn").describe(
    "`external`: probe, warm, greet and watch it, but never start, stop or kill it",
  ),
  readiness: probes().describe("When it is ready: one probe, or a list of which all must hold"),
  health: health.prefault({}).describe("How its health is watched while it runs"),
  warmup: z.union([z.boolean().transform((on) => warmup.parse({ kind: on ? "auto" : "none" })), warmup])
    .prefault(true).describe("One real inference before the next service starts; true means `auto`"),
  warmup_encoder_ms: z.int().min(0).max(60_000).optional().describe(
    `Audio in the automatic warm-up of an STT; ${usualAudioMs} when left out, 0 turns it off`,
  ),
  warmup_token: z.int().min(0).max(4096).optional().describe(
    `Tokens in the automatic warm-up of an LLM; ${usualTokens} when left out, 0 turns it off`,
  ),
  prepare_async: z.boolean().default(false).describe("Short for `prepare: { files: true }`"),
  prepare: z.union([z.boolean(), prepare]).optional().describe(
    "What happens while the previous service still starts",
  ),
  gpu: z.enum(["required", "optional", "none"]).default("none").describe("Whether it needs a GPU"),
  vram_mb: z.int().min(0).max(10_000_000).optional().describe(
    "GPU memory it needs; learned from earlier boots when left out",
  ),
  grace_sec: second(3600).optional().describe(
    "TERM to KILL; `loader.graceful_shutdown.per_service_grace_sec` when left out",
  ),
  stop_signal: z.enum(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR2"]).default("SIGTERM").describe(
    "Signal that asks it to stop",
  ),
  restart: restart.own.optional().describe("Overrides of `loader.restart_policy`"),
  control: control.optional().describe(
    "How it is asked to pause or speak; http on the readiness URL's origin when left out",
  ),
  tls: tls.optional().describe(
    "TLS where it is asked: for `tcp`, `wyoming` and `grpc` this turns it on, for an address `https` does",
  ),
  token_file: text().optional().describe(
    "File with the bearer token of each HTTP and gRPC request; read anew for each",
  ),
  token_env: variableName().optional().describe("The same in a variable of the loader's environment"),
  connect_timeout_ms: z.number().min(10).max(600_000).optional().describe(
    "How long a connection may take to come about, with `tls`, a token or this; 1500 when left out",
  ),
  wake_on_lan: wakeOnLan.optional().describe(
    "Of an external service: its machine is switched on by a magic packet when it is down at the start, or lost later",
  ),
  elsewhere: elsewhere.optional().describe(
    "Of an external service: the loader that runs it on its machine, for `status` and `explain`",
  ),
  threads: z.int().min(1).max(4096).optional().describe("Exported as `OMP_NUM_THREADS` and its relatives"),
  backend: text(255).optional().describe("Engine, exported as `ALEXA_BACKEND`"),
  compute_type: text(255).optional().describe("Exported as `ALEXA_COMPUTE_TYPE`"),
  mmapped: z.boolean().optional().describe("Exported as `ALEXA_MMAPPED`; also turns the file prewarm on"),
  server: text(255).optional().describe(
    "Model server, exported as `ALEXA_SERVER`; `ollama` and `openai` have their own warm-ups",
  ),
  model: text(1024).optional().describe("Model, exported as `ALEXA_MODEL`"),
  kv_cache_tokens: z.int().min(1).max(16_777_216).optional().describe(
    "Context length, exported as `ALEXA_KV_CACHE_TOKENS`",
  ),
  default_voice: text(255).optional().describe("Voice, exported as `ALEXA_DEFAULT_VOICE`"),
  options: z.record(optionName(), scalar()).default({}).describe("Anything else, exported as `ALEXA_<KEY>`"),
});

// ——— the loader ———

const selftest = z.strictObject({
  at_boot: z.boolean().default(false).describe(
    "Test after the greeting, in the background: what is wrong is a WARNING, and nothing waits for it",
  ),
  player: argv().optional().describe(
    "Program that plays a WAV file for `selftest --sound`, put in for `{file}` or at the end; the tts' own, else the first that can, when left out",
  ),
  recorder: argv().optional().describe(
    "Program that writes 16 kHz 16-bit mono PCM; the first of `pw-record`, `arecord`, `parecord` that can when left out",
  ),
  room: text(255).optional().describe("`host:port` of a room.py that carries the sound instead"),
});

const readySec = () => positiveSecond();
const loader = z.strictObject({
  name: z.string().max(32).regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, "letters, digits, - and _").optional()
    .describe(
      "Instance name, for folders and the control socket; a short hash of this file's path when left out",
    ),
  state_dir: text().optional().describe("State folder; `$XDG_STATE_HOME/alexa-loader/<name>` when left out"),
  log_dir: text().optional().describe("Log folder; `<state_dir>/logs` when left out"),
  log: z.strictObject({
    rotate_mb: z.number().min(0.01).max(10_240).default(20).describe("Size at which a log file is rotated"),
    keep: z.int().min(0).max(1000).default(5).describe("Rotated files that are kept"),
    combined: z.boolean().default(true).describe("Also one file with the lines of all"),
    child_output: z.boolean().default(true).describe("Show the services' own output on the console"),
  }).prefault({}).describe("Log files"),

  dashboard: z.strictObject({
    listen: z.string().max(300).default("127.0.0.1:5080").describe(
      "Address and port; beyond this machine's loopback whoever asks needs the token that the log shows once",
    ),
    hosts: z.array(z.string().max(253).toLowerCase()).max(32).default([]).describe(
      "Names by which it may be asked for, as behind a proxy",
    ),
    prefix: z.string().max(100).regex(/^(\/[\w.-]+)*$/, "/path, without a slash at its end").default("")
      .describe("Before each path, where a proxy does not take it away"),
  }).optional().describe("A page that shows the assistant and takes orders; off when left out"),

  control: z.strictObject({
    listen: z.string().max(300).describe("Address and port"),
    token_file: text().describe(
      "File with the token that each request must carry; made when it is not there",
    ),
    cert_file: text().optional().describe(
      "PEM file of its certificate; needed beyond this machine's loopback",
    ),
    key_file: text().optional().describe("PEM file of its key"),
  }).optional().describe(
    "The control API over TCP with TLS, for the loader of another machine (`elsewhere`); off when left out",
  ),

  gpu_index: z.int().min(0).max(63).default(0).describe("Which GPU is watched"),
  vram_poll_interval_sec: positiveSecond(3600).default(2).describe(
    "Time between two looks at the GPU's memory",
  ),
  vram_log_deltas_only: z.boolean().default(true).describe("Log GPU memory only when it changed"),
  wait_for_gpu_sec: second().default(30).describe(
    "How long a missing GPU is waited for, if a service needs one",
  ),
  on_vram_short: z.enum(["warn", "wait", "fail"]).default("warn").describe(
    "What to do when GPU memory will not do",
  ),

  startup_sequence: z.array(z.string()).min(1).describe("Start order; names every service once"),
  shutdown_sequence: z.array(z.string()).min(1).describe("Stop order; names every service once"),

  timeouts: z.object({
    kwd_ready_sec: readySec().default(20).describe("Time for `kwd` to become ready"),
    stt_ready_sec: readySec().default(45).describe("Time for `stt` to become ready"),
    llm_ready_sec: readySec().default(90).describe("Time for `llm` to become ready"),
    tts_ready_sec: readySec().default(25).describe("Time for `tts` to become ready"),
  }).catchall(readySec()).prefault({}).describe(
    `Ready timeouts; \`<service>_ready_sec\` for any other service, ${otherReadySec} when left out`,
  ),
  autotune_timeouts: z.boolean().default(true).describe(
    "Adapt the timeouts to earlier boots (p95 and a margin)",
  ),
  health_check_interval_sec: positiveSecond().default(5).describe(
    "Time between two health checks of a service",
  ),
  readiness_poll_ms: z.number().min(1).max(60_000).default(250).describe(
    "Slowest pace of readiness polling; it begins at a few milliseconds",
  ),

  restart_policy: restart.common.prefault({}).describe("When services are started again"),
  notify: z.array(receiver(shapes)).max(16).default([]).describe(
    "Who is told, once, when something breaks and when it is well again: a list of entries with one of `ntfy`, `webhook`, `exec` and `dead_man` each",
  ),

  fail_fast_on_repeated_failures: z.boolean().default(false).describe(
    "End the boot when a service is given up, instead of going on without it",
  ),

  port_hygiene: z.strictObject({
    enabled: z.boolean().default(true).describe(
      "Clear leftovers before the start; if not, nothing is removed or killed, and busy ports are still errors",
    ),
    ports: z.record(z.string(), port()).default({}).describe(
      "Port of each service; taken from readiness when left out",
    ),
    unix_sockets: z.array(text()).max(256).default([]).describe("Socket files to unlink"),
    pid_files: z.array(text()).max(256).default([]).describe("Stale PID files to remove"),
    kill_orphans: z.union([z.boolean(), z.literal("any")]).default(true).describe(
      "Kill proven leftovers that hold a port; `any`: whoever holds it",
    ),
  }).prefault({}).describe("Clean start"),

  graceful_shutdown: z.strictObject({
    per_service_grace_sec: second(3600).default(5).describe("TERM to KILL of one service"),
    kill_after_sec: second().default(10).describe(
      "Budget of the whole shutdown; then everything left is killed",
    ),
  }).prefault({}).describe("How services are stopped"),
  on_loader_death: z.enum(["stop", "keep"]).default("stop").describe(
    "What becomes of the services if the loader is killed",
  ),

  prewarm_next_service: z.boolean().default(true).describe("Prepare the next service while one starts"),
  prepare: z.strictObject({
    lookahead: z.union([z.int().min(1).max(256), z.literal("all")]).default(1).describe(
      "How many next services are prepared at once",
    ),
  }).prefault({}).describe("Overlap"),
  io_prewarm: z.strictObject({
    enable_memmap: z.boolean().default(true).describe("Model files into the page cache"),
    pre_touch_tokenizers: z.boolean().default(true).describe("Tokenizer files into the page cache"),
  }).prefault({}).describe("What the file prewarm brings in"),
  cuda: z.strictObject({
    module_loading: z.enum(["LAZY", "EAGER", "DEFAULT"]).default("LAZY").describe(
      "Sets `CUDA_MODULE_LOADING`",
    ),
    torch_alloc_conf: z.string().max(1000).default("expandable_segments:True,max_split_size_mb:64").describe(
      "Sets `PYTORCH_CUDA_ALLOC_CONF`; empty: not set",
    ),
  }).prefault({}).describe("CUDA tuning, exported to every service"),

  post_boot_greeting: z.strictObject({
    enabled: z.boolean().default(true).describe("Whether the assistant greets after the boot"),
    text: text(2000).default("Hi Master. Ready to serve.").describe("What it says"),
    kwd_pause_during_tts: z.boolean().default(true).describe("No wake word while it speaks"),
    kwd_resume_after_tts_ms: millisecond(60_000).default(150).describe(
      "Guard between the end of speech and listening",
    ),
    timeout_sec: second(3600).optional().describe(
      "Watchdog of the greeting, at least 2 s; 5 s, or 2 s and 0.1 s per character of a longer text, when left out",
    ),
    budget_ms: millisecond().default(1500).describe("Longer than this is a warning, told once per text"),
    output_latency_ms: millisecond(60_000).default(0).describe(
      "Delay of the sound device, added to the guard",
    ),
  }).prefault({}).describe("Greeting at the end of the boot"),

  selftest: z.union([z.literal("at_boot").transform(() => selftest.parse({ at_boot: true })), selftest])
    .prefault({}).describe("How `selftest` is made; `at_boot` is short for `{ at_boot: true }`"),
});

/** The whole file. */
export const configSchema = z.strictObject({
  loader: loader.describe("How the services are started, watched and stopped"),
  // The names' rule is in `rules.ts`: a record would not look at the value behind a bad name.
  services: z.record(z.string(), service).meta({
    description: "The services by name. The name in upper case is the console tag",
    propertyNames: { type: "string", pattern: serviceNamePattern.source, maxLength: serviceNameMax },
  }),
});

/** A configuration with every default filled in. */
export type LoaderConfig = z.output<typeof configSchema>;
export type ServiceConfig = LoaderConfig["services"][string];
export type ProbeConfig = z.output<typeof probe>;
export type WarmupConfig = z.output<typeof warmup>;
