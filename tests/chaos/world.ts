/**
 * One home, at most one loader in it at a time, bystanders around it. Everything that the faults do and the invariants
 * ask goes through here.
 */
import { connectControl } from "../../lib/api/client.ts";
import type { LoaderStatus } from "../../lib/model/status.ts";
import { kill, LoaderProcess, type Stamp, TestHome } from "../support/loader_process.ts";
import { bystander, type Stranger } from "../support/strangers.ts";
import {
  drawPorts,
  drawSettings,
  graceMs,
  type Name,
  names,
  serviceArgv,
  type Settings,
  writeConfig,
} from "./assistant.ts";
import { allGone, isRunning, leadersOf, pause, type Seen, serviceProcesses } from "./look.ts";
import type { Prng } from "./prng.ts";

export type Phase = "starting" | "ready" | "degraded" | "stopping";

/** How the run of a loader ends, as far as somebody asked for it. */
export type Ending = "stop" | "second signal" | "killed" | "fail fast" | null;

const quietLimitMs = 20_000;

export class World implements AsyncDisposable {
  readonly home = new TestHome();
  readonly ports = drawPorts();
  readonly socket = `${this.home.runtime}/alexa-loader/c/control.sock`;
  readonly stateDir = `${this.home.state}/alexa-loader/c`;
  readonly logDir = `${this.home.dir}/logs`;
  bystanders: Stranger[] = newBystanders();
  #bystandersSince = performance.now();
  /** The log folder is a small disk of its own that can be filled. */
  readonly smallDisk: boolean;
  loader: LoaderProcess | null = null;
  settings!: Settings;
  #alive = false;
  /** Why the loader that runs is to end. */
  ending: Ending = null;
  /** The loader whose guardian was killed with it: its services live until the next precheck is through. */
  orphanedBy: LoaderProcess | null = null;
  /** What the state file was last damaged to. */
  damagedRecord: string | null = null;
  /** What was done, for the report of a failure. */
  readonly log: string[] = [];

  constructor() {
    Deno.mkdirSync(this.logDir);
    this.smallDisk = mount(this.logDir);
  }

  note(text: string): void {
    this.log.push(`${(performance.now() / 1000).toFixed(3)} ${text}`);
    if (this.log.length > 200) this.log.shift();
  }

  /** Starts a loader with settings of its own. */
  async start(rng: Prng): Promise<LoaderProcess> {
    if (!this.orphaned) this.orphanedBy = null;
    if (performance.now() - this.#bystandersSince > 120_000) { // they end by themselves after 300 s
      const old = this.bystanders;
      this.bystanders = newBystanders();
      this.#bystandersSince = performance.now();
      for (const one of old) await one[Symbol.asyncDispose]();
    }
    for (const name of names) {
      try {
        Deno.truncateSync(`${this.home.stamps}/${name}.jsonl`);
      } catch { /* it never ran */ }
    }
    this.settings = drawSettings(rng);
    const config = this.#write();
    this.ending = null;
    // Of a session of its own: a terminal that this is run from does not control it.
    const loader = this.loader = new LoaderProcess(this.home, ["up", "--config", config], {
      wrapper: ["setsid"],
    });
    this.#alive = true;
    loader.exitCode.catch(() => {}).finally(() => this.#alive = false);
    this.note(`start loader ${this.loader.pid} ${JSON.stringify(this.settings)}`);
    return this.loader;
  }

  /** Another configuration: some of the services are started with something else. */
  rewrite(rng: Prng): void {
    const { loadMs } = this.settings;
    for (const name of names) if (rng.chance(0.4)) loadMs[name] = rng.int(0, 40);
    this.#write();
    this.note(`rewrite ${JSON.stringify(loadMs)}`);
  }

  #write(): string {
    return writeConfig(this.home, this.ports, this.settings, { log_dir: this.logDir });
  }

  get running(): boolean {
    return this.#alive;
  }

  /** Whoever is asked again, after more than 1 s, ends everything at once. */
  askedToStop(): void {
    if (this.ending === null) this.ending = "stop";
    else if (this.ending === "stop") this.ending = "second signal";
  }

  /** To the loader, if it still runs. */
  signal(name: Deno.Signal): void {
    try {
      if (this.running) this.loader!.signal(name);
    } catch { /* it ended in this moment */ }
  }

  /** Services of an earlier loader may live, and no loader has come to stop them. */
  get orphaned(): boolean {
    return this.orphanedBy !== null && (this.orphanedBy === this.loader || !this.prechecked);
  }

  /** The loader is past its precheck. */
  get prechecked(): boolean {
    return this.loader!.messages("LOADER").some((message) => message.startsWith("PRECHECK"));
  }

  get phase(): Phase {
    if (this.ending) return "stopping";
    const last = this.loader?.lines.findLast((line) =>
      line.tag === "LOADER" && /SYSTEM_READY:|^DEGRADED:/.test(line.message)
    );
    if (!last) return "starting";
    return last.message.startsWith("DEGRADED") ? "degraded" : "ready";
  }

  async status(): Promise<LoaderStatus> {
    return await connectControl(this.socket).status(AbortSignal.timeout(3000));
  }

  processes(): Seen[] {
    return serviceProcesses(this.home.mark);
  }

  leaders(): (Seen & { service: Name })[] {
    return leadersOf(this.processes());
  }

  stampsOf(name: Name): Stamp[] {
    return this.home.stampsOf(name);
  }

  /** Asks a service for a fault; false when it cannot be asked now. */
  async ask(name: Name, body: Record<string, unknown>): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.ports[name]}/chaos`, {
        method: "POST",
        headers: { connection: "close" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(300),
      });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /**
   * Waits until nothing moves any more: the loader has ended, or it says twice, 90 ms apart, that every service is up,
   * given up or not wanted, that the greeting is over and that KWD listens.
   */
  async quiet(): Promise<LoaderStatus | null> {
    const end = performance.now() + quietLimitMs;
    let before = "";
    let problem: unknown = "";
    for (;;) {
      if (!this.running) return null;
      let status: LoaderStatus | null = null;
      try {
        status = await this.status();
      } catch (error) {
        problem = error;
      }
      const key = status && isQuiet(status)
        ? JSON.stringify(status.services.map((s) => [s.name, s.state, s.pid, s.restarts]))
        : "";
      if (key !== "" && key === before) return status;
      before = key;
      if (performance.now() > end) {
        throw new Error(`not quiet within ${quietLimitMs} ms: ${JSON.stringify(status) ?? ""} ${problem}`);
      }
      await pause(90); // a death is told after 50 ms where somebody else still holds its output
    }
  }

  /** A process of nobody's that waits for a port and keeps it. */
  thief(port: number): { taken: Promise<boolean>; pid: number; alive(): boolean; end(): Promise<void> } {
    const [program, ...args] = serviceArgv("thief", `${port}`);
    const child = new Deno.Command(program!, {
      args,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")!, FIXTURE_MAX_LIFE_SEC: "90" },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let ended = false;
    const status = child.status.then(() => ended = true);
    const reader = child.stdout.getReader();
    return {
      pid: child.pid,
      taken: reader.read().then(({ value }) => value !== undefined && value.length > 0),
      alive: () => !ended,
      end: async () => {
        if (!ended) child.kill("SIGKILL");
        await status;
        await reader.cancel();
      },
    };
  }

  /** Waits until no process of any service lives and no port is listened on; how long that took, ms. */
  async allGone(limitMs: number): Promise<number> {
    return await allGone(this.home.mark, Object.values(this.ports), limitMs);
  }

  /** 1 s and the grace: how long the services may outlive a killed loader. */
  get orphansLimitMs(): number {
    return 1000 + graceMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.loader?.exitCode.catch(() => {});
    for (const { pid, startTime } of this.processes()) {
      if (isRunning({ pid, startTime })) kill(pid, "SIGKILL");
    }
    for (const one of this.bystanders) await one[Symbol.asyncDispose]();
    if (this.smallDisk) unmount(this.logDir);
    await this.home[Symbol.asyncDispose]();
  }
}

/** One who has nothing to do with us, and one who only looks like a service of ours. */
function newBystanders(): Stranger[] {
  return [bystander(), bystander({ ALEXA_SERVICE: "kwd", ALEXA_BOOT_ID: "0123456789abcdef" })];
}

function isQuiet(status: LoaderStatus): boolean {
  if (status.state !== "SYSTEM_READY" && status.state !== "DEGRADED") return false;
  if (status.greeting === "speaking") return false;
  const kwd = status.services.find((service) => service.name === "kwd");
  if (kwd?.state === "up" && !status.listening) return false;
  return status.services.every((service) =>
    service.state === "up" || service.state === "failed" ||
    (service.state === "idle" && service.desired === "down")
  );
}

function mount(dir: string): boolean {
  try {
    return new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", dir],
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

function unmount(dir: string): void {
  new Deno.Command("umount", { args: ["-l", dir], stderr: "null" }).outputSync();
}
