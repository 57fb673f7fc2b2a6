/** Services of a line of shell each, and a loader that has them: for tests of what becomes of services, whatever they do. */
import assert from "node:assert/strict";
import { connectControl } from "../../lib/api/mod.ts";
import { reload as route } from "../../lib/api/routes/reload.ts";
import type { ReloadReport } from "../../lib/model/difference.ts";
import type { LoaderStatus } from "../../lib/model/status.ts";
import { LoaderProcess, runLoader, TestHome } from "./loader_process.ts";

export type Service = Record<string, unknown>;

/** Ready as soon as it says so; `more`: what it does before. */
export const sleeper = (more = "", keys: Service = {}): Service => ({
  cmd: ["sh", "-c", `${more}echo READY; exec sleep 300`],
  readiness: { type: "log", pattern: "READY" },
  warmup: { kind: "none" },
  ...keys,
});
export const never = "echo loading; exec sleep 300; ";
export const crashes = "exit 1; ";

/** A loader with such services, and what may be asked of it. */
export class World implements AsyncDisposable {
  readonly home = new TestHome();
  readonly config = `${this.home.dir}/loader.yaml`;
  loader!: LoaderProcess;
  #client = connectControl(`${this.home.runtime}/alexa-loader/t/control.sock`);

  write(services: Record<string, Service>, loader: Service = {}): void {
    const names = Object.keys(services);
    this.home.write(
      "loader.yaml",
      JSON.stringify(
        {
          loader: {
            name: "t",
            startup_sequence: names,
            shutdown_sequence: names.toReversed(),
            restart_policy: { max_restarts: 2, backoff: { initial_sec: 0.05, max_sec: 0.1 } },
            graceful_shutdown: { per_service_grace_sec: 1 },
            ...loader,
          },
          services,
        },
        null,
        2,
      ),
    );
  }

  /** In a session of its own: a terminal that this is run from does not control it. */
  up(wrapper = ["setsid"]): LoaderProcess {
    return this.loader = new LoaderProcess(this.home, ["up", "--config", this.config], { wrapper });
  }

  async boot(services: Record<string, Service>, loader?: Service): Promise<void> {
    this.write(services, loader);
    this.up();
    await this.loader.waitLine(/SYSTEM_READY: total_boot/);
  }

  async status(): Promise<LoaderStatus> {
    return await this.#client.status();
  }

  /** Pid by service. */
  async pids(): Promise<Record<string, number | null>> {
    return Object.fromEntries((await this.status()).services.map(({ name, pid }) => [name, pid]));
  }

  async reload(dryRun = false): Promise<ReloadReport> {
    return await this.#client.ask(route, { query: { dry_run: String(dryRun) }, withinMs: 20_000 });
  }

  async command(...args: string[]): ReturnType<typeof runLoader> {
    return await runLoader(this.home, [...args, "--config", this.config]);
  }

  async end(): Promise<void> {
    assert.equal(await this.loader.interrupt(), 0, this.loader.log);
    await this.home.assertNothingLeft([], this.loader.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loader?.[Symbol.asyncDispose]();
    await this.home[Symbol.asyncDispose]();
  }
}
