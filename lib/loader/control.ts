/** The door of the control socket: opened once, and only loaded when it is. Spec: §12. */
import { controlSocket, type ControlTarget } from "../api/types.ts";
import type { LogLevel } from "../log/mod.ts";
import type { DashboardPlan, RemotePlan } from "../model/plan.ts";
import { reasonOf } from "../errors.ts";
import { isOnlyLoopback } from "../address.ts";
import type { Assembly } from "./assembly.ts";

export class ControlDoor {
  #made: Assembly;
  #target: ControlTarget | null;
  #opening: Promise<void> | null = null;

  /** `target` null: it stays closed. */
  constructor(made: Assembly, target: ControlTarget | null) {
    this.#made = made;
    this.#target = target;
  }

  /** `status`, `restart` and `stop` find us from now on. */
  open(): Promise<void> {
    return this.#opening ??= this.#serve();
  }

  /** Opens it after `ms`, unless that is disposed of before; what is wrong with it is told by `opened`. */
  openAfter(ms: number): Disposable {
    return this.#made.clock.after(ms, () => void this.open().catch(() => {}));
  }

  /** Resolves when it is open, if it was begun. @throws what is wrong with it. */
  async opened(): Promise<void> {
    await this.#opening;
  }

  async #serve(): Promise<void> {
    const { plan, clock, log, held, stopping, handed } = this.#made;
    if (!this.#target || stopping.signal.aborted) return;
    const { serveControl } = await import("../api/server.ts");
    const say = (level: LogLevel, message: string) => log.line("LOADER", level, message);
    held.use(
      await serveControl(controlSocket(plan.dirs.runtime), this.#target, {
        clock,
        log: say,
        kept: handed?.held.control,
      }),
    );
    if (plan.remote) await this.#serveRemote(plan.remote, this.#target, say);
    if (plan.dashboard) await this.#servePage(plan.dashboard, this.#target, say);
  }

  /** Nor is a boot failed by a door for others that cannot be opened. */
  async #serveRemote(
    { host, port, tokenFile, tls }: RemotePlan,
    target: ControlTarget,
    log: (level: LogLevel, message: string) => void,
  ): Promise<void> {
    try {
      const [{ serveRemote }, { pageToken }, { pem }] = await Promise.all([
        import("../api/remote.ts"),
        import("../api/page/token.ts"),
        import("../sys/net/tls.ts"),
      ]);
      const { token, fresh } = pageToken(tokenFile);
      const pems = tls &&
        { cert: pem("control.cert_file", tls.certFile), key: pem("control.key_file", tls.keyFile) };
      this.#made.held.use(
        serveRemote(target, { host, port, token, tls: pems, log, clock: this.#made.clock }),
      );
      log(
        "INFO",
        `Other machines may ask at ${host}:${port}; ${fresh ? "a new" : "the"} token is in ${tokenFile}`,
      );
    } catch (error) {
      log("WARNING", `Nobody else can ask at ${host}:${port}: ${reasonOf(error)}`);
    }
  }

  /** A page that cannot be had is no failed boot. */
  async #servePage(
    dashboard: DashboardPlan,
    target: ControlTarget,
    log: (level: LogLevel, message: string) => void,
  ): Promise<void> {
    const { plan: { dirs }, clock, held } = this.#made;
    const { host, port, prefix } = dashboard;
    try {
      const [{ servePage }, { pageToken }] = await Promise.all([
        import("../api/page/server.ts"),
        import("../api/page/token.ts"),
      ]);
      const needed = isOnlyLoopback(host) ? null : pageToken(`${dirs.state}/page_token`);
      held.use(servePage(target, { ...dashboard, token: needed?.token ?? null, clock, log }));
      const address = `http://${host.includes(":") ? `[${host}]` : host}:${port}${prefix}/`;
      log("INFO", `The page is at ${address}${needed?.fresh ? `#token=${needed.token}` : ""}`);
      if (needed) {
        log("WARNING", `Other machines can reach the page: its token is in ${dirs.state}/page_token`);
      }
    } catch (error) {
      log("WARNING", `There is no page at ${host}:${port}: ${reasonOf(error)}`);
    }
  }
}
