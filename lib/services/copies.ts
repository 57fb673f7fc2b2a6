/**
 * The copies of a service that we run: one at a time is started, released from standby or taken over, and ended. A service
 * that is external has none. Spec: §1.1; CONTRACT §1, §3, §7.
 */
import { LoaderError, reasonOf } from "../errors.ts";
import type { Relay } from "../log/mod.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport, StopReport } from "../model/reports.ts";
import { kindOf, makePrivateDir, removeIfThere } from "../sys/files/files.ts";
import { NotifySocket } from "../sys/net/notify_socket.ts";
import { describePid } from "../sys/process/procfs.ts";
import { exitText } from "../sys/process/process.ts";
import { listenerOf, listenerPids } from "../sys/process/sockets.ts";
import { terminate } from "../sys/process/terminate.ts";
import type { ServiceContext } from "./context.ts";
import { type AdoptedRecord, type KeptCopy, ServiceProcess } from "./service_process.ts";

export class Copies implements AsyncDisposable {
  /** What the next copy is started with, and this one is stopped by. */
  plan: ServicePlan;
  #context: ServiceContext;
  #relay: Relay;
  #current: ServiceProcess | null = null;
  #notify: NotifySocket | null = null;

  constructor(plan: ServicePlan, context: ServiceContext, relay: Relay) {
    this.plan = plan;
    this.#context = context;
    this.#relay = relay;
  }

  /** The one that runs. */
  get current(): ServiceProcess | null {
    return this.#current;
  }

  /** Starts one that stands by; resolves when it said that it is prepared, or will not. */
  async prepare(signal: AbortSignal): Promise<PrepareReport> {
    const began = this.#context.clock.now();
    const copy = this.#spawn(true);
    const done = Promise.withResolvers<string | null>();
    using _prepared = copy.onPrepared(() => done.resolve(null));
    copy.exited.then((status) => done.resolve(`ended before it was prepared (${exitText(status)})`));
    const onAbort = () => done.resolve("was not prepared before its turn");
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const problem = await done.promise;
    signal.removeEventListener("abort", onAbort);
    const ms = this.#context.clock.now() - began;
    return { kind: "standby", ms, bytes: null, cachedShare: null, problem };
  }

  /** Starts one, or releases the one that stands by. @throws LoaderError `spawn_failed`. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#current?.held && this.#current.running) {
      try {
        return await this.#current.release();
      } catch (error) {
        throw this.#cannotStart(error);
      }
    }
    if (this.#current) { // a standby that has died: what it left goes first
      await this.stop(this.plan.graceMs);
      signal?.throwIfAborted();
    }
    this.#spawn(false);
  }

  /** Takes over a process that an earlier loader started and that was proved to be the same. */
  adopt(recorded: AdoptedRecord, kept?: KeptCopy): ServiceProcess {
    this.#openNotify();
    return this.#current = ServiceProcess.adopt(this.plan, this.#context, this.#relay, recorded, kept);
  }

  /** The descriptor of its notify socket; null while there is none. */
  get notifyFd(): number | null {
    return this.#notify?.fd ?? null;
  }

  /** Goes on with the notify socket of an earlier version of the program. */
  keepNotify(fd: number): void {
    this.#notify = this.#notifyOn(fd);
  }

  #spawn(standby: boolean): ServiceProcess {
    try {
      const notifyPath = this.#openNotify();
      const started = ServiceProcess.start(this.plan, this.#context, this.#relay, { notifyPath, standby });
      return this.#current = started;
    } catch (error) {
      throw this.#cannotStart(error);
    }
  }

  #cannotStart(error: unknown): LoaderError {
    const message = `cannot start ${this.plan.name}: ${reasonOf(error)}`;
    return new LoaderError("spawn_failed", message, { cause: error });
  }

  #openNotify(): string {
    // Somebody tidied the folder up: what has no name any more cannot be told anything.
    if (this.#notify && kindOf(this.#notify.path) !== "socket") {
      void this.#notify[Symbol.asyncDispose]();
      this.#notify = null;
    }
    if (!this.#notify) {
      makePrivateDir(this.#context.runtimeDir);
      this.#notify = this.#notifyOn();
    }
    return this.#notify.path;
  }

  #notifyOn(kept?: number): NotifySocket {
    return new NotifySocket(this.#notifyPath, (datagram) => this.#notified(datagram), kept);
  }

  #notified(datagram: Uint8Array): void {
    const copy = this.#current;
    const before = copy?.statusText;
    copy?.notify(datagram);
    if (copy && copy.statusText !== before) {
      this.#context.emit({ fact: "activity", service: this.plan.name, text: copy.statusText });
    }
  }

  get #notifyPath(): string {
    return `${this.#context.runtimeDir}/${this.plan.name}.notify`;
  }

  /** Ends the current one: resolves when nothing of it lives, or cannot be ended. `force` aborted: without grace. */
  async stop(graceMs: number, force?: AbortSignal): Promise<StopReport> {
    const { clock } = this.#context;
    const began = clock.now();
    const copy = this.#current;
    if (!copy) return { ms: 0, how: null, killed: false, left: [], stuck: false };
    const { killed, left } = await terminate(copy, {
      clock,
      stopSignal: this.plan.stopSignal,
      graceMs,
      force,
    });
    const status = left.length === 0 ? await copy.exited : copy.status;
    if (left.length === 0) await copy.close();
    this.#current = null;
    return {
      ms: clock.now() - began,
      how: status ? exitText(status) : null,
      killed,
      left: left.length > 0 ? left : this.#portHolders(),
      stuck: left.length > 0,
    };
  }

  /** One that stands by listens on the service's port before its turn: against the contract of standby. */
  get boundEarly(): boolean {
    const { bindPort } = this.plan;
    if (!this.#current?.held || bindPort === null) return false;
    return listenerOf(this.#current.processTree(), bindPort).pid !== null;
  }

  /** Whoever still listens on the service's port, although everything of the service is gone. */
  #portHolders(): string[] {
    const { bindPort } = this.plan;
    if (bindPort === null) return [];
    return listenerPids(bindPort).pids.map((pid) => `${describePid(pid)} holds port ${bindPort}`);
  }

  /** Ends the current one, and lets go of the notify socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(this.plan.graceMs);
    if (this.#notify) await this.#notify[Symbol.asyncDispose]();
    else removeIfThere(this.#notifyPath); // a killed loader may have left it
    this.#notify = null;
  }
}
