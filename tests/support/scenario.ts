/** What end-to-end tests have in common: an assistant of four Python services, and its log with the numbers masked. */
import { lowPort, type TestHome } from "./loader_process.ts";

export const fixtures: string = new URL("../fixtures/services", import.meta.url).pathname;

export type Knobs = Record<string, string | number | boolean>;
export type Role = "kwd" | "stt" | "llm" | "tts";
export const roles: readonly Role[] = ["kwd", "stt", "llm", "tts"];

/** Ports by the names that a masked log has for them. */
export type Ports = Record<"KWD" | "STT" | "LLM" | "TTS" | "LLM_HTTP", number>;

export function lowPorts(): Ports {
  return { KWD: lowPort(), STT: lowPort(), LLM: lowPort(), TTS: lowPort(), LLM_HTTP: lowPort() };
}

export interface AssistantOptions {
  /** What the fixture services do; see tests/fixtures/services/common.py. */
  knobs?: Partial<Record<Role, Knobs>>;
  /** Keys of `loader:`, beside or instead of the usual ones. */
  loader?: Record<string, unknown>;
  greeting?: Record<string, unknown>;
  /** Keys of `services.<name>`, beside or instead of the usual ones. */
  services?: Partial<Record<Role, Record<string, unknown>>>;
}

export interface Assistant {
  config: string;
  ports: Ports;
  portList: number[];
}

/** Writes a configuration of the four fixture services that boots fast. */
export function assistant(home: TestHome, o: AssistantOptions = {}): Assistant {
  const ports = lowPorts();
  const url = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  const service = (role: Role, readiness: unknown, more: Record<string, unknown> = {}) => ({
    cmd: ["python3", `${fixtures}/${role}.py`],
    env: fixtureEnvironment(o.knobs?.[role] ?? {}),
    readiness,
    ...more,
    ...o.services?.[role],
  });
  const config = {
    loader: {
      name: "t",
      startup_sequence: [...roles],
      shutdown_sequence: ["kwd", "tts", "llm", "stt"],
      restart_policy: { max_restarts: 3, backoff: { initial_sec: 0.05, max_sec: 0.2 } },
      post_boot_greeting: { timeout_sec: 2, ...o.greeting },
      ...o.loader,
    },
    services: {
      kwd: service("kwd", { type: "http", url: url(ports.KWD, "/ready") }),
      stt: service("stt", { type: "tcp", host: "127.0.0.1", port: ports.STT }),
      llm: service("llm", { type: "grpc", target: `127.0.0.1:${ports.LLM}` }, {
        warmup: { kind: "http", url: url(ports.LLM_HTTP, "/control/warmup") },
      }),
      tts: service("tts", { type: "http", url: url(ports.TTS, "/healthz") }),
    },
  };
  const llm = config.services.llm as { env: Record<string, string> };
  llm.env.FIXTURE_HTTP_PORT = String(ports.LLM_HTTP);
  const path = home.write("loader.yaml", JSON.stringify(config, null, 2)); // JSON is YAML
  return { config: path, ports, portList: Object.values(ports) };
}

export function fixtureEnvironment(knobs: Knobs): Record<string, string> {
  return Object.fromEntries(
    Object.entries(knobs).map(([key, value]) => [
      `FIXTURE_${key.toUpperCase()}`,
      value === true ? "1" : String(value),
    ]),
  );
}

/** A scenario's configuration with free ports in the place of 5001 to 5005, and the place of the fixtures filled in. */
export function fillTemplate(text: string, ports: Ports): string {
  const inOrder = [ports.KWD, ports.STT, ports.LLM, ports.TTS, ports.LLM_HTTP];
  return text.replace(/\b500[1-5]\b/g, (port) => String(inOrder[Number(port) - 5001]))
    .replaceAll("${FIXTURES}", fixtures);
}

/** What differs from run to run, out of a line of the log: times, pids, ids, paths and ports; never a configured number. */
export function mask(line: string, ports: Ports): string {
  let masked = line
    .replace(
      /alexa-loader \d+\.\d+\.\d+, boot [0-9a-f]{4}, configuration \S+, logs in \S+/,
      "alexa-loader N, boot N, configuration …, logs in …",
    )
    .replace(/\S+\/loader\.yaml:/, "loader.yaml:")
    .replace(/\bpid \d+/g, "pid N")
    .replace(/\b\d+(\.\d+)?s\b/g, "Ns")
    .replace(/\bafter \d+ms\b/g, "after Nms")
    .replace(/, (no GPU|GPU .*)$/, ", …").replace(/^(LOADER {3}INFO = VRAM at the end): .*/, "$1: …");
  for (const [name, port] of Object.entries(ports)) masked = masked.replaceAll(`${port}`, `PORT_${name}`);
  return masked;
}
