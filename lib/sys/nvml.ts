/**
 * NVIDIA's management library, called directly: one method per NVML function, answers as values.
 *
 * Nothing here decides anything: it knows layouts, sizes and which version of a function is there. Every call runs
 * off the event loop, so a driver that hangs hangs a worker thread and not the program. Buffers belong to the
 * object and are used again for each call, therefore **one call at a time**; `lib/gpu/source/nvml.ts` sees to that.
 * Spec: §5.
 */
import { readBytes } from "./process/libc.ts";
import { pathExists } from "./gpu_device.ts";

const text = ["u64", "buffer", "u32"] as const;
const out = ["u64", "buffer"] as const;
const list = ["u64", "buffer", "buffer"] as const;
const call = <const P extends Deno.NativeType[]>(...parameters: P) =>
  ({ parameters, result: "i32", nonblocking: true, optional: true }) as const;

// A device handle is an opaque pointer that we only hand back, so it travels as a number.
const symbols = {
  nvmlInit_v2: call(),
  nvmlShutdown: call(),
  nvmlSystemGetDriverVersion: call("buffer", "u32"),
  nvmlDeviceGetCount_v2: call("buffer"),
  nvmlDeviceGetHandleByIndex_v2: call("u32", "buffer"),
  nvmlDeviceGetHandleByUUID: call("buffer", "buffer"),
  nvmlDeviceGetName: call(...text),
  nvmlDeviceGetUUID: call(...text),
  nvmlDeviceGetMemoryInfo: call(...out),
  nvmlDeviceGetMemoryInfo_v2: call(...out),
  nvmlDeviceGetUtilizationRates: call(...out),
  nvmlDeviceGetTemperature: call("u64", "u32", "buffer"),
  nvmlDeviceGetComputeRunningProcesses: call(...list),
  nvmlDeviceGetComputeRunningProcesses_v2: call(...list),
  nvmlDeviceGetComputeRunningProcesses_v3: call(...list),
  nvmlDeviceGetGraphicsRunningProcesses: call(...list),
  nvmlDeviceGetGraphicsRunningProcesses_v2: call(...list),
  nvmlDeviceGetGraphicsRunningProcesses_v3: call(...list),
} satisfies Deno.ForeignLibraryInterface;

type Name = keyof typeof symbols;

// A missing optional symbol is null, except for non-blocking ones, which throw when called: so ask for each twice.
const presence = Object.fromEntries(
  Object.keys(symbols).map((
    name,
  ) => [`has_${name}`, { name, parameters: [], result: "void", optional: true } as const]),
);

/** The functions of an open library; null for those that it lacks. */
type Functions = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** Without these nothing useful can be said; all others may be missing in an old driver. */
const required = [
  "nvmlInit_v2",
  "nvmlShutdown",
  "nvmlDeviceGetCount_v2",
  "nvmlDeviceGetHandleByIndex_v2",
  "nvmlDeviceGetMemoryInfo",
] as const satisfies Name[];

/** Return codes that this file itself acts upon. All of them: `lib/gpu/source/errors.ts`. */
const NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, FUNCTION_NOT_FOUND = 13, VERSION_MISMATCH = 25, NO_DATA = 21;
const MEMORY_V2_VERSION = 40 | (2 << 24); // nvmlMemory_v2_t: its own size and its number
const NOT_AVAILABLE = 0xffff_ffff_ffff_ffffn;
const MAX_PROCESSES = 8192;
/** Room per process: some R535 drivers fill 32 bytes where all others fill 24. */
const PROCESS_ROOM = 32;
const FILL = 0xee;

/** What a call answered: a value, or NVML's return code and the function that gave it. */
export type NvmlAnswer<T> = { ok: true; value: T } | { ok: false; code: number; call: string };

/** Bytes. `reserved` (driver and firmware) is part of `used` where only the first version of the call is there. */
export interface NvmlMemory {
  total: number;
  free: number;
  used: number;
  reserved: number;
}

/** `usedBytes` is null where the driver does not tell (WSL, some permissions). */
export interface NvmlProcess {
  pid: number;
  usedBytes: number | null;
}

/** Why the library could not be used. `reason` is half a sentence. */
export interface NvmlOpenFailure {
  failure: "missing" | "unusable";
  path: string;
  reason: string;
}

/** Where the system's linker does not look although the library is there: NixOS, WSL, some container images. */
const placesBesidesTheLinker = [
  "/run/opengl-driver/lib/libnvidia-ml.so.1",
  "/usr/lib/wsl/lib/libnvidia-ml.so.1",
  "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
];

/**
 * Opens the library: `path` alone if given, else by soname, else at the places above.
 * Never throws: a library that is missing, of another machine or too old is a value.
 */
export function openNvml(path?: string): Nvml | NvmlOpenFailure {
  if (path) return openAt(path);
  const first = openAt("libnvidia-ml.so.1");
  if (!("failure" in first) || first.failure !== "missing") return first;
  const elsewhere = placesBesidesTheLinker.find(pathExists);
  return elsewhere ? openAt(elsewhere) : first;
}

function openAt(path: string): Nvml | NvmlOpenFailure {
  let library;
  try {
    library = Deno.dlopen(path, { ...symbols, ...presence });
  } catch (error) {
    return whyNot(path, error instanceof Error ? error.message : String(error));
  }
  const found: Record<string, unknown> = library.symbols;
  const functions = Object.fromEntries(
    Object.keys(symbols).map((name) => [name, found[`has_${name}`] ? found[name] : null]),
  ) as Functions;
  const missing = required.filter((name) => functions[name] === null);
  if (missing.length === 0) return new Nvml(functions, () => library.close());
  library.close();
  return { failure: "unusable", path, reason: `it lacks ${missing.join(", ")}` };
}

const machines: Record<number, string> = {
  3: "i386",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
};

/** The linker says "no such file" also for a file of another machine: look at the file itself. */
function whyNot(path: string, message: string): NvmlOpenFailure {
  const isFile = path.includes("/") && pathExists(path);
  if (isFile) {
    const head = readBytes(path, 64) ?? new Uint8Array();
    const elf = head.length >= 20 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c &&
      head[3] === 0x46;
    if (!elf) return { failure: "unusable", path, reason: "it is no shared library" };
    const machine = head[18]! | (head[19]! << 8);
    const name = machines[machine] ?? `machine ${machine}`;
    if (name !== Deno.build.arch) {
      return {
        failure: "unusable",
        path,
        reason: `it is built for ${name}, this program for ${Deno.build.arch}`,
      };
    }
  }
  const reason = message.split(": ").at(-1)!.trim();
  const gone = !isFile && /no such file|not found|cannot open shared object/i.test(message);
  return { failure: gone ? "missing" : "unusable", path, reason };
}

const encoder = new TextEncoder(), decoder = new TextDecoder();
// An explicit ArrayBuffer: small typed arrays may else live where the garbage collector moves them.
const bytes = (n: number) => new Uint8Array(new ArrayBuffer(n));

/** The open library. Calls must not overlap, and `close()` must not meet a call that is still running. */
export class Nvml implements Disposable {
  readonly #fn: Functions;
  readonly #unload: () => void;
  readonly #out = bytes(64);
  readonly #view = new DataView(this.#out.buffer);
  readonly #text = bytes(128);
  #processes = bytes(64 * PROCESS_ROOM);
  #memoryV2 = true;

  constructor(functions: Functions, unload: () => void) {
    this.#fn = functions;
    this.#unload = unload;
  }

  /** Must succeed once before any other call; takes up to seconds when the driver has to wake the GPU. */
  init(): Promise<NvmlAnswer<void>> {
    return this.#answer("nvmlInit_v2", this.#fn.nvmlInit_v2?.(), () => {});
  }

  shutdown(): Promise<NvmlAnswer<void>> {
    return this.#answer("nvmlShutdown", this.#fn.nvmlShutdown?.(), () => {});
  }

  driverVersion(): Promise<NvmlAnswer<string>> {
    const pending = this.#fn.nvmlSystemGetDriverVersion?.(this.#text, this.#text.length);
    return this.#answer("nvmlSystemGetDriverVersion", pending, () => this.#cString());
  }

  deviceCount(): Promise<NvmlAnswer<number>> {
    const pending = this.#fn.nvmlDeviceGetCount_v2?.(this.#out);
    return this.#answer("nvmlDeviceGetCount_v2", pending, () => this.#view.getUint32(0, true));
  }

  handleByIndex(index: number): Promise<NvmlAnswer<bigint>> {
    const pending = this.#fn.nvmlDeviceGetHandleByIndex_v2?.(index, this.#out);
    return this.#answer("nvmlDeviceGetHandleByIndex_v2", pending, () => this.#view.getBigUint64(0, true));
  }

  handleByUuid(uuid: string): Promise<NvmlAnswer<bigint>> {
    this.#text.fill(0);
    encoder.encodeInto(uuid, this.#text.subarray(0, this.#text.length - 1));
    const pending = this.#fn.nvmlDeviceGetHandleByUUID?.(this.#text, this.#out);
    return this.#answer("nvmlDeviceGetHandleByUUID", pending, () => this.#view.getBigUint64(0, true));
  }

  name(device: bigint): Promise<NvmlAnswer<string>> {
    const pending = this.#fn.nvmlDeviceGetName?.(device, this.#text, 96);
    return this.#answer("nvmlDeviceGetName", pending, () => this.#cString());
  }

  uuid(device: bigint): Promise<NvmlAnswer<string>> {
    const pending = this.#fn.nvmlDeviceGetUUID?.(device, this.#text, 96);
    return this.#answer("nvmlDeviceGetUUID", pending, () => this.#cString());
  }

  /** The second version of the call, and the first where the driver does not know the second. */
  async memory(device: bigint): Promise<NvmlAnswer<NvmlMemory>> {
    const u64 = (at: number) => Number(this.#view.getBigUint64(at, true));
    const v2 = this.#fn.nvmlDeviceGetMemoryInfo_v2;
    if (v2 && this.#memoryV2) {
      this.#view.setUint32(0, MEMORY_V2_VERSION, true);
      const read = () => ({ total: u64(8), reserved: u64(16), free: u64(24), used: u64(32) });
      const answer = await this.#answer("nvmlDeviceGetMemoryInfo_v2", v2(device, this.#out), read);
      if (answer.ok || ![NOT_SUPPORTED, FUNCTION_NOT_FOUND, VERSION_MISMATCH].includes(answer.code)) {
        return answer;
      }
      this.#memoryV2 = false;
    }
    const read = () => ({ total: u64(0), free: u64(8), used: u64(16), reserved: 0 });
    const pending = this.#fn.nvmlDeviceGetMemoryInfo?.(device, this.#out);
    return await this.#answer("nvmlDeviceGetMemoryInfo", pending, read);
  }

  /** Share of the last sample period in which a kernel ran, in percent. */
  utilisation(device: bigint): Promise<NvmlAnswer<number>> {
    const pending = this.#fn.nvmlDeviceGetUtilizationRates?.(device, this.#out);
    return this.#answer("nvmlDeviceGetUtilizationRates", pending, () => this.#view.getUint32(0, true));
  }

  /** Of the chip, in degrees Celsius. */
  temperature(device: bigint): Promise<NvmlAnswer<number>> {
    const pending = this.#fn.nvmlDeviceGetTemperature?.(device, 0, this.#out);
    return this.#answer("nvmlDeviceGetTemperature", pending, () => this.#view.getUint32(0, true));
  }

  computeProcesses(device: bigint): Promise<NvmlAnswer<NvmlProcess[]>> {
    return this.#runningProcesses("Compute", device);
  }

  graphicsProcesses(device: bigint): Promise<NvmlAnswer<NvmlProcess[]>> {
    return this.#runningProcesses("Graphics", device);
  }

  /** Unloads the library. No call may be running. */
  close(): void {
    this.#unload();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #runningProcesses(kind: "Compute" | "Graphics", device: bigint): Promise<NvmlAnswer<NvmlProcess[]>> {
    const s = this.#fn;
    const base = `nvmlDeviceGet${kind}RunningProcesses` as const;
    const newer = s[`${base}_v3`] ?? s[`${base}_v2`];
    const fn = newer ?? s[base];
    for (let attempt = 0; attempt < 4; attempt++) {
      const room = Math.floor(this.#processes.length / PROCESS_ROOM);
      this.#processes.fill(FILL);
      this.#view.setUint32(0, room, true);
      const answer = await this.#answer(base, fn?.(device, this.#out, this.#processes), () => {
        const count = Math.min(this.#view.getUint32(0, true), room);
        return readProcesses(this.#processes, count, newer ? this.#stride(count) : 16);
      });
      if (answer.ok) return answer;
      if (answer.code === NO_DATA) return { ok: true, value: [] };
      if (answer.code !== INSUFFICIENT_SIZE || room >= MAX_PROCESSES) return answer;
      // More processes may start until we ask again: take some more room than was asked for.
      const wanted = Math.max(this.#view.getUint32(0, true) + 16, room * 2);
      this.#processes = bytes(Math.min(wanted, MAX_PROCESSES) * PROCESS_ROOM);
    }
    return { ok: false, code: INSUFFICIENT_SIZE, call: base };
  }

  /** How long one entry is, told by how far the driver wrote. */
  #stride(count: number): 24 | 32 {
    return this.#processes.subarray(24 * count, 32 * count).some((b) => b !== FILL) ? 32 : 24;
  }

  async #answer<T>(
    name: string,
    pending: Promise<number> | undefined,
    read: () => T,
  ): Promise<NvmlAnswer<T>> {
    if (!pending) return { ok: false, code: FUNCTION_NOT_FOUND, call: name };
    const code = await pending;
    return code === 0 ? { ok: true, value: read() } : { ok: false, code, call: name };
  }

  #cString(): string {
    const end = this.#text.indexOf(0);
    return decoder.decode(this.#text.subarray(0, end < 0 ? this.#text.length : end));
  }
}

function readProcesses(buffer: Uint8Array<ArrayBuffer>, count: number, stride: number): NvmlProcess[] {
  const view = new DataView(buffer.buffer);
  const processes: NvmlProcess[] = [];
  for (let i = 0; i < count; i++) {
    const pid = view.getUint32(i * stride, true);
    const used = view.getBigUint64(i * stride + 8, true);
    if (pid > 0) processes.push({ pid, usedBytes: used === NOT_AVAILABLE ? null : Number(used) });
  }
  return processes;
}
