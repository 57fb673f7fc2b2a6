/** Snapshots from NVIDIA's management library, through a driver that may hang, go away and come back. Spec: §5. */
import { type Clock, systemClock } from "../../sys/clock.ts";
import { type Nvml, type NvmlAnswer, openNvml } from "../../sys/nvml.ts";
import { nvmlFailure } from "./errors.ts";
import { SerialQueue } from "./serial_queue.ts";
import {
  type Gpu,
  type GpuFailure,
  type GpuProcess,
  type GpuSnapshot,
  type GpuSource,
  isGpuFailure,
  mib,
} from "../types.ts";
import { chooseGpus, type GpuChoice } from "./visible.ts";

/** How the NVML source is opened. `limitMs` is the time given to one snapshot (default 3000). */
export interface NvmlOptions extends GpuChoice {
  clock: Clock;
  /** ALEXA_NVML_PATH: the one library to use. */
  path?: string | undefined;
  limitMs?: number | undefined;
}

interface Device {
  index: number;
  uuid: string;
  handle: bigint;
  name: string;
}

/**
 * Real ms between two looks. A thread of the runtime's pool that has just answered needs a moment to lie down, and a
 * call that finds none lying gets a new thread. With this rest a rush of looks has about as many threads as one look
 * has calls, however long it lasts; the calls of one look follow each other without a pause, since a boot waits for them.
 */
const restMs = 1;

/** An initialised library and the devices chosen from it. */
interface Session {
  nvml: Nvml;
  devices: Device[];
  driver: string | null;
}

/** Carries a failing NVML answer out of nested calls; never leaves this file. */
class Failed extends Error {
  constructor(readonly failure: GpuFailure) {
    super(failure.message);
  }
}

function must<T>(answer: NvmlAnswer<T>): T {
  if (answer.ok) return answer.value;
  throw new Failed(nvmlFailure(answer.code, answer.call));
}

/** The value, or null if this GPU does not tell; a lost GPU still counts as lost. */
function may<T>(answer: NvmlAnswer<T>): T | null {
  if (answer.ok) return answer.value;
  const failure = nvmlFailure(answer.code, answer.call);
  if (failure.failure === "lost" || failure.failure === "timeout") throw new Failed(failure);
  return null;
}

/** Opens the library and chooses the GPU, or says why not. */
export async function openNvmlSource(
  options: NvmlOptions,
  signal?: AbortSignal,
): Promise<NvmlSource | GpuFailure> {
  const source = new NvmlSource(options);
  try {
    const first = await source.snapshot(signal);
    if (!isGpuFailure(first)) return source;
    await source[Symbol.asyncDispose]();
    return first;
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * After a failure that says the GPU is lost, the library is closed and the next snapshot opens it anew, from disk: so a
 * reloaded or updated driver is found again.
 */
export class NvmlSource implements GpuSource {
  readonly kind = "nvml";
  readonly reasons: readonly string[] = [];
  readonly #options: NvmlOptions;
  readonly #turns: SerialQueue;
  #session: Session | null = null;
  #restedAt = -Infinity;
  #description = "NVIDIA GPU";
  #driver: string | null = null;

  constructor(options: NvmlOptions) {
    this.#options = options;
    this.#turns = new SerialQueue(options.clock, options.limitMs ?? 3000);
  }

  get description(): string {
    return this.#description;
  }

  get driver(): string | null {
    return this.#driver;
  }

  snapshot(signal?: AbortSignal): Promise<GpuSnapshot | GpuFailure> {
    return this.#ask(signal, async ({ nvml, devices }) => {
      const gpus: Gpu[] = [];
      for (const device of devices) gpus.push(await readGpu(nvml, device));
      return { at: this.#options.clock.now(), gpus };
    });
  }

  computePids(signal?: AbortSignal): Promise<number[] | GpuFailure> {
    return this.#ask(signal, async ({ nvml, devices }) => {
      const pids: number[] = [];
      for (const device of devices) {
        for (const p of may(await nvml.computeProcesses(device.handle)) ?? []) pids.push(p.pid);
      }
      return pids;
    });
  }

  /** Shuts the library down. If a call is stuck in the driver it is left open: unloading it would crash the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!await this.#turns.drain()) return;
    await this.#close();
  }

  #ask<T>(signal: AbortSignal | undefined, read: (session: Session) => Promise<T>): Promise<T | GpuFailure> {
    return this.#turns.run<T | GpuFailure>(signal, async () => {
      if (systemClock.now() < this.#restedAt) await systemClock.sleep(restMs);
      try {
        const session = this.#session ??= await this.#open();
        return await read(session);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        if (error.failure.failure !== "unsupported") await this.#close();
        return error.failure;
      } finally {
        this.#restedAt = systemClock.now() + restMs;
      }
    });
  }

  async #open(): Promise<Session> {
    const nvml = openNvml(this.#options.path);
    if ("failure" in nvml) throw new Failed(openFailure(nvml));
    try {
      must(await nvml.init());
    } catch (error) {
      nvml.close();
      throw error;
    }
    try {
      const devices = await this.#devices(nvml);
      const driver = may(await nvml.driverVersion());
      this.#driver = driver;
      this.#description = `${devices.map((d) => d.name).join(" and ")}, driver ${driver ?? "unknown"}`;
      return { nvml, devices, driver };
    } catch (error) {
      await nvml.shutdown();
      nvml.close();
      throw error;
    }
  }

  async #devices(nvml: Nvml): Promise<Device[]> {
    const count = must(await nvml.deviceCount());
    const all: Device[] = [];
    let unreachable: GpuFailure | null = null;
    for (let index = 0; index < count; index++) {
      const handle = await nvml.handleByIndex(index);
      if (!handle.ok) {
        unreachable ??= nvmlFailure(handle.code, handle.call); // another GPU than ours may be broken
        continue;
      }
      all.push(await describeDevice(nvml, index, handle.value));
    }
    for (const uuid of this.#sliceUuids()) {
      const handle = await nvml.handleByUuid(uuid);
      if (handle.ok) all.push({ ...await describeDevice(nvml, all.length, handle.value), uuid }); // by the name that was asked for
    }
    const chosen = chooseGpus(all, this.#options);
    if (isGpuFailure(chosen)) throw new Failed(unreachable ?? chosen);
    return chosen;
  }

  /** Slices of a GPU (MIG) are in no list, they are only found by name. */
  #sliceUuids(): string[] {
    const named = [...(this.#options.visible ?? "").split(","), this.#options.uuid ?? ""];
    return [...new Set(named.map((n) => n.trim()).filter((n) => n.startsWith("MIG-")))];
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    if (!session) return;
    await session.nvml.shutdown(); // its answer does not matter: the library is closed in any case
    session.nvml.close();
  }
}

async function describeDevice(nvml: Nvml, index: number, handle: bigint): Promise<Device> {
  const name = may(await nvml.name(handle)) ?? "NVIDIA GPU";
  const uuid = may(await nvml.uuid(handle)) ?? `GPU-${index}`;
  return { index, uuid, handle, name };
}

async function readGpu(nvml: Nvml, { index, uuid, handle, name }: Device): Promise<Gpu> {
  const memory = must(await nvml.memory(handle));
  const utilisation = may(await nvml.utilisation(handle));
  const temperatureC = may(await nvml.temperature(handle));
  const compute = may(await nvml.computeProcesses(handle));
  const graphics = may(await nvml.graphicsProcesses(handle));
  const processes: GpuProcess[] = [];
  const seen = new Set<number>(); // one that computes and draws is in both lists, with the same memory
  for (const [kind, list] of [["compute", compute], ["graphics", graphics]] as const) {
    for (const { pid, usedBytes } of list ?? []) {
      if (seen.has(pid)) continue;
      seen.add(pid);
      processes.push({ pid, usedMib: usedBytes === null ? null : mib(usedBytes), kind });
    }
  }
  return {
    index,
    uuid,
    name,
    totalMib: mib(memory.total),
    usedMib: mib(memory.used),
    freeMib: mib(memory.free),
    utilisation,
    temperatureC,
    processes,
    processesKnown: compute !== null,
  };
}

function openFailure(
  { failure, path, reason }: { failure: "missing" | "unusable"; path: string; reason: string },
): GpuFailure {
  const hint = failure === "missing"
    ? "install the NVIDIA driver, or set ALEXA_NVML_PATH to its libnvidia-ml.so.1"
    : "set ALEXA_NVML_PATH to the driver's own libnvidia-ml.so.1";
  const message = failure === "missing" ? `there is no ${path}` : `${path} cannot be used: ${reason}`;
  return { failure, message, hint };
}
