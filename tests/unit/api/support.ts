/** A loader to control, a folder for its socket, and clients that keep no rules. */
import type { ControlTarget } from "../../../lib/api/mod.ts";
import type { FakeClock } from "../../support/fake_clock.ts";
import type { LoaderStatus, ServiceStatus } from "../../../lib/model/status.ts";
import { canTalk } from "../../../lib/model/talk.ts";

export function serviceStatus(name: string, more: Partial<ServiceStatus> = {}): ServiceStatus {
  return {
    name,
    role: "other",
    state: "up",
    desired: "up",
    pid: 4711,
    port: 5001,
    up_sec: 61.4,
    ready_ms: 420,
    restarts: 0,
    problem: null,
    says: null,
    adopted: false,
    vram_mib: null,
    on_cpu: false,
    ...more,
  };
}

export function loaderStatus(more: Partial<LoaderStatus> = {}): LoaderStatus {
  const status: Omit<LoaderStatus, "talk"> = {
    state: "SYSTEM_READY",
    doing: null,
    boot: "7f3a",
    version: "1.0.0",
    pid: 4700,
    instance: "home",
    config: "/etc/loader.yaml",
    log_dir: "/var/log/alexa",
    up_sec: 3725,
    total_boot_ms: 15_100,
    capabilities: { "wake word": true, speech: true },
    degraded: null,
    greeting: "finished",
    listening: true,
    muted: false,
    services: [serviceStatus("kwd", { role: "kwd" }), serviceStatus("tts", { role: "tts" })],
    gpu: null,
    ...more,
  };
  return { talk: canTalk(status), ...status };
}

/** A target that remembers what it was asked; each restart waits for `gate`. */
export class Target implements ControlTarget {
  readonly restarts: string[] = [];
  readonly stops: string[] = [];
  current = loaderStatus();
  gate: Promise<boolean> = Promise.resolve(true);
  vram?: NonNullable<ControlTarget["vram"]> = () => ({ gpus: [] });
  boots?: NonNullable<ControlTarget["boots"]>;
  events?: NonNullable<ControlTarget["events"]>;
  clock?: FakeClock;
  logFolder?: string;
  doctor?: NonNullable<ControlTarget["doctor"]>;
  #asked: (() => void)[] = [];

  status(): LoaderStatus {
    return this.current;
  }

  restart(service: string): Promise<boolean> {
    this.restarts.push(service);
    for (const wake of this.#asked.splice(0)) wake();
    return this.gate;
  }

  stop(reason: string): void {
    this.stops.push(reason);
  }

  /** Resolves as soon as `count` restarts were asked for. */
  async asked(count: number): Promise<void> {
    while (this.restarts.length < count) {
      await new Promise<void>((resolve) => this.#asked.push(resolve));
    }
  }
}

/** A private folder of the test, removed with everything in it. */
export function makeFolder(): Disposable & { path: string; socket: string } {
  const path = Deno.makeTempDirSync({ prefix: "control-" });
  return {
    path,
    socket: `${path}/run/control.sock`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** Everything the other side sends until it ends the connection, by whatever means. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65536);
  let text = "";
  try {
    for (let n = await conn.read(chunk); n !== null; n = await conn.read(chunk)) {
      text += decoder.decode(chunk.subarray(0, n), { stream: true });
    }
  } catch {
    // Reset: what was read before counts.
  }
  return text;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any
  json: any;
}

/** Sends `bytes` as they are and reads to the end. */
export async function raw(path: string, bytes: string | Uint8Array): Promise<Answer> {
  using conn = await Deno.connect({ transport: "unix", path });
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const write = async () => {
    for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
  };
  const [answer] = await Promise.all([readAll(conn), write().catch(() => {})]);
  return parseAnswer(answer);
}

/** One request as any HTTP client would write it. */
export function ask(path: string, method: string, target: string): Promise<Answer> {
  return raw(path, `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
}

function parseAnswer(answer: string): Answer {
  const end = answer.indexOf("\r\n\r\n");
  const [first = "", ...lines] = answer.slice(0, Math.max(0, end)).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1));
  }
  const text = answer.slice(end + 4);
  return {
    status: Number(first.split(" ")[1] ?? 0),
    headers,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

/** Leaves a socket at `path` that nobody listens on, as a killed program does. */
export function leaveStaleSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.live` });
  // Closing removes the name it was bound to, so the file is moved away before.
  Deno.renameSync(`${path}.live`, path);
  listener.close();
}
