/** The assistant that is tormented: four cheap services, short limits, and a few settings drawn anew for each loader. */
import { lowPort, type TestHome } from "../support/loader_process.ts";
import type { Prng } from "./prng.ts";

export const names = ["kwd", "stt", "llm", "tts"] as const;
export type Name = typeof names[number];

export const graceMs = 400;
export const noRestartCode = 7;
const servicePath = new URL("service.py", import.meta.url).pathname;

/** The interpreter itself: a version manager's wrapper would cost more than the service. Null where there is none. */
export const python: string | null = findPython();

function findPython(): string | null {
  try {
    const found = new Deno.Command("python3", {
      args: ["-c", "import sys; print(sys.executable)"],
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(found.stdout).trim() || null;
  } catch {
    return null;
  }
}

/** argv of the service, or with words of a bystander made of the same file. */
export function serviceArgv(...words: string[]): string[] {
  return [python!, "-I", "-S", servicePath, ...words];
}

export type Ports = Record<Name, number>;

export function drawPorts(): Ports {
  return { kwd: lowPort(), stt: lowPort(), llm: lowPort(), tts: lowPort() };
}

export interface Settings {
  maxRestarts: number;
  backoffSec: number;
  failFast: boolean;
  greeting: boolean;
  speak: "ok" | "500" | "hang";
  standby: Name | null;
  loadMs: Record<Name, number>;
  childOutput: boolean;
}

/** Mostly the usual ones, each with some chance another. */
export function drawSettings(rng: Prng): Settings {
  const rarely = <T>(share: number, value: T, else_: T) => rng.chance(share) ? value : else_;
  return {
    maxRestarts: rng.int(1, 4),
    backoffSec: rng.pick([0, 0, 0.03, 0.08]),
    failFast: rng.chance(0.08),
    greeting: rng.chance(0.9),
    speak: rarely<Settings["speak"]>(0.1, rng.pick(["500", "hang"]), "ok"),
    standby: rng.chance(0.3) ? rng.pick(["stt", "llm", "tts"] as const) : null,
    loadMs: { kwd: rng.int(0, 30), stt: rng.int(0, 30), llm: rng.int(0, 40), tts: rng.int(0, 30) },
    childOutput: rng.chance(0.3),
  };
}

export const usual: Settings = {
  maxRestarts: 3,
  backoffSec: 0.03,
  failFast: false,
  greeting: true,
  speak: "ok",
  standby: null,
  loadMs: { kwd: 0, stt: 0, llm: 0, tts: 0 },
  childOutput: false,
};

/** Writes the configuration and returns its path. `more`: keys of `loader:` beside or instead of the usual ones. */
export function writeConfig(
  home: TestHome,
  ports: Ports,
  settings: Settings,
  more: Record<string, unknown> = {},
): string {
  const url = (name: Name, path: string) => `http://127.0.0.1:${ports[name]}${path}`;
  const ready = (name: Name) => ({ type: "http", url: url(name, "/ready") });
  const service = (name: Name, own: Record<string, unknown> = {}) => ({
    cmd: serviceArgv(name),
    env: { CHAOS_LOAD_MS: `${settings.loadMs[name]}`, CHAOS_SPEAK: settings.speak },
    readiness: ready(name),
    warmup: { kind: "http", url: url(name, "/control/warmup"), timeout_sec: 1 },
    health: { probe: ready(name), interval_sec: 0.15, timeout_ms: 150, failures: 2 },
    prepare: { standby: settings.standby === name },
    ...own,
  });
  const config = {
    loader: {
      name: "c",
      startup_sequence: [...names],
      shutdown_sequence: ["kwd", "tts", "llm", "stt"],
      timeouts: { kwd_ready_sec: 1.5, stt_ready_sec: 1.5, llm_ready_sec: 1.5, tts_ready_sec: 1.5 },
      autotune_timeouts: false,
      restart_policy: {
        max_restarts: settings.maxRestarts,
        backoff: { initial_sec: settings.backoffSec, max_sec: 0.2 },
        no_restart_exit_codes: [noRestartCode],
      },
      fail_fast_on_repeated_failures: settings.failFast,
      graceful_shutdown: { per_service_grace_sec: graceMs / 1000, kill_after_sec: 3 },
      post_boot_greeting: { enabled: settings.greeting, kwd_resume_after_tts_ms: 10, timeout_sec: 2 },
      log: { rotate_mb: 0.1, keep: 1, child_output: settings.childOutput },
      ...more,
    },
    services: {
      kwd: service("kwd"),
      stt: service("stt", {
        readiness: [{ type: "tcp", host: "127.0.0.1", port: ports.stt }, { type: "notify" }],
      }),
      llm: service("llm"),
      tts: service("tts", { warmup: { kind: "auto", timeout_sec: 1 } }),
    },
  };
  return home.write("loader.yaml", JSON.stringify(config, null, 2)); // JSON is YAML
}
