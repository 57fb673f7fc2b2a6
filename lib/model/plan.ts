/**
 * The boot plan: everything that the boot, the supervision and the stop need to know, resolved and derived once,
 * as plain data (JSON-serialisable, so that it can be printed, diffed and cached). Spec: §2, §3, §9.
 *
 * Every duration is in milliseconds, every path absolute, every `~` and `${VAR}` expanded. Nothing below the
 * plan ever looks at the YAML again.
 */

/** The part a service plays for the person who talks. `other`: none of the four. */
export type Role = "kwd" | "stt" | "llm" | "tts" | "other";

/**
 * One way to ask "are you ready?" (CONTRACT §2). What else is in it only its kind knows, a file of `probes/`.
 * `listener`: it must be a process of the service that listens there; left out, anyone may answer.
 */
export type ProbeSpec = {
  type: string;
  listener?: { host: string; port: number };
  [own: string]: unknown;
};

/**
 * One real inference whose result is thrown away (CONTRACT §4). What else is in it only its kind knows, a file of
 * `warmups/`. `none`: there is nothing to do, `why`, and whether that deserves a WARNING.
 */
export type WarmupSpec = {
  kind: string;
  timeoutMs: number;
  runs: number;
  required: boolean;
  /** As configured: whether it is warmed again when its server has unloaded it. */
  keepWarm?: boolean;
  why?: string;
  warn?: boolean;
  [own: string]: unknown;
};

/**
 * How the loader asks a KWD to pause and a TTS to speak (CONTRACT §5). What else is in it only its kind knows, a file of
 * `controls/`. `url`: an origin, without a path, where the verbs are asked for over HTTP.
 */
export type ControlSpec = { kind: string; url?: string; [own: string]: unknown };

/** When and how fast a service is started again (§6). */
export interface RestartPolicy {
  /** `watch`: an external service. It is never started, nor given up: it is looked for until it is back. */
  type: "on-failure" | "always" | "never" | "watch";
  maxRestarts: number;
  windowMs: number;
  backoff: { initialMs: number; factor: number; maxMs: number };
  noRestartExitCodes: number[];
}

/** Where a figure of the plan comes from, in words for `plan`: "configured", "default", "p95 of 7 boots + 50 %". */
export interface Sourced<T> {
  value: T;
  from: string;
}

/** How a service is reached where it is not simply there. Files and names only: no plan has a secret in it. */
export interface Link {
  /** Also where the address does not say so. Left out: as the address says. */
  tls?: { caFile?: string; certFile?: string; keyFile?: string; serverName?: string };
  /** Where the bearer token is that each request carries. */
  token?: { file: string } | { env: string };
  /** For a connection to come about, its TLS handshake included, ms. */
  connectMs: number;
}

export interface ServicePlan {
  name: string;
  /** Console tag: the name in upper case. */
  tag: string;
  role: Role;
  manage: "spawn" | "external";
  /** Program and arguments; empty for an external service. `["@demo", …]` stands for the program's own stand-ins. */
  argv: string[];
  /** Environment beyond the loader's own: user's `env`, ALEXA_*, CUDA_*, threads. Without the per-boot variables. */
  env: Record<string, string>;
  /** Absolute working directory. */
  workdir: string;
  /** The container image that has its program, for engines of containers; left out where none is named. */
  image?: string;
  bindPort: number | null;
  readiness: ProbeSpec[];
  /** ms. `progressing`: what visible progress (output, STATUS=) may extend a learned limit to; undefined: nothing more. */
  readyTimeout: Sourced<number> & { progressing?: number };
  health: {
    probes: ProbeSpec[];
    intervalMs: number;
    timeoutMs: number;
    failures: number;
    /** What counts as "busy, not dead" when a probe times out (§6). */
    busy: { cpu: boolean; limitMs: number };
  };
  warmup: WarmupSpec;
  prepare: { files: boolean; standby: boolean; globs: string[]; tokenizers: boolean };
  restart: RestartPolicy;
  graceMs: number;
  stopSignal: "SIGTERM" | "SIGINT" | "SIGQUIT" | "SIGHUP" | "SIGUSR2";
  gpu: "required" | "optional" | "none";
  vramMb: number | null;
  control: ControlSpec;
  /** Left out: it is asked plainly. */
  link?: Link;
  /** The API of the loader that runs it on another machine. */
  elsewhere?: { url: string; link: Link };
  /** How the machine of an external one is switched on, and how long that may take, ms. */
  wake?: { mac: string; host: string; port: number; waitMs: number };
  /** Names of engine and model, for prewarm layouts and reports. */
  engine: { backend: string | null; server: string | null; model: string | null };
}

export interface GreetingPlan {
  enabled: boolean;
  text: string;
  pauseDuringTts: boolean;
  resumeAfterMs: number;
  timeoutMs: number;
  /** Longer than this is a WARNING. */
  budgetMs: number;
  outputLatencyMs: number;
}

export interface SelftestPlan {
  /** After the greeting, in the background. */
  atBoot: boolean;
  /** Programs that play and record, as named; null: found by themselves. */
  player: string[] | null;
  recorder: string[] | null;
  /** The room that carries the sound instead. */
  room: { host: string; port: number } | null;
}

/** Where the page listens. */
export interface DashboardPlan {
  host: string;
  port: number;
  /** Names by which it may be asked for, beside its own address. */
  hosts: string[];
  /** Before each path, "/alexa"; or "". */
  prefix: string;
}

/** One who is told what broke. What identifies a receiver is called a secret, so that nothing that is shown has it. */
export interface ReceiverPlan {
  to:
    | { kind: "ntfy"; url: string; topicSecret: string; tokenFile: string | null }
    | { kind: "webhook"; urlSecret: string; tokenFile: string | null }
    | { kind: "exec"; argv: string[] }
    /** It tells somebody when it has heard nothing for too long. */
    | { kind: "dead_man"; urlSecret: string; everyMs: number };
  /** Minutes of the day, local time, between which nothing is told. */
  quiet: { from: number; to: number } | null;
}

/** Where the API is offered to other machines. Absolute paths; `tls` null: none, on loopback. */
export interface RemotePlan {
  host: string;
  port: number;
  tokenFile: string;
  tls: { certFile: string; keyFile: string } | null;
}

export interface BootPlan {
  /** Instance name: names the state, runtime and log folders and the control socket. */
  instance: string;
  /** The configuration file, absolute; `<demo>` for the embedded one. */
  configPath: string;
  /** Services in start order (every service is in it). */
  services: ServicePlan[];
  /** Names in stop order. */
  stopOrder: string[];
  pollMaxMs: number;
  lookahead: number;
  prewarm: { enabled: boolean; files: boolean; tokenizers: boolean };
  greeting: GreetingPlan;
  selftest: SelftestPlan;
  failFast: boolean;
  hygiene: {
    enabled: boolean;
    /** Ports by service name. */
    ports: Record<string, number>;
    unixSockets: string[];
    pidFiles: string[];
    killOrphans: "own" | "any" | "none";
  };
  shutdown: { graceMs: number; budgetMs: number };
  onLoaderDeath: "stop" | "keep";
  gpu: {
    index: number;
    pollMs: number;
    deltasOnly: boolean;
    waitMs: number;
    onShort: "warn" | "wait" | "fail";
  };
  /** Null: there is no page. */
  dashboard: DashboardPlan | null;
  /** Where other machines may ask. Null: nowhere. */
  remote: RemotePlan | null;
  notify: ReceiverPlan[];
  dirs: { state: string; log: string; runtime: string };
  log: { rotateBytes: number; keep: number; combined: boolean; childOutput: boolean };
  /** What is odd but does not stop a boot; each is printed as a WARNING. */
  warnings: string[];
}
