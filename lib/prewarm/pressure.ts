/** How the machine feels: memory that may be used, and who waits for memory or a disk. Spec: §9. */
import { readBytes } from "../sys/process/libc.ts";

/** A line "some" of /proc/pressure: the time in which at least one task had to wait. */
export interface Pressure {
  /** Percent of the last 10 s. */
  avg10: number;
  /** Since the machine's start, ms. */
  totalMs: number;
}

export interface Machine {
  /** Bytes that can be used without pushing anybody out; null where the kernel does not tell. */
  availableBytes(): number | null;
  /** Null where the kernel does not tell. */
  pressure(of: "memory" | "io"): Pressure | null;
}

/** Reads a kernel file of a few KiB as text; null when there is none. */
export type ReadKernelFile = (path: string) => string | null;

const readKernelFile: ReadKernelFile = (path) => {
  const bytes = readBytes(path, 1 << 16);
  return bytes && new TextDecoder().decode(bytes);
};

/** This machine, as the kernel describes it. The page cache counts for our control group: its limit is ours too. */
export function kernelMachine(read: ReadKernelFile = readKernelFile): Machine {
  return {
    availableBytes() {
      const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(read("/proc/meminfo") ?? "")?.[1];
      if (kib === undefined) return null;
      return Math.min(Number(kib) * 1024, groupRoom(read));
    },
    pressure(of) {
      const some = /^some avg10=([\d.]+) .*total=(\d+)$/m.exec(read(`/proc/pressure/${of}`) ?? "");
      return some && { avg10: Number(some[1]), totalMs: Number(some[2]) / 1000 };
    },
  };
}

/** What the limits of our control group and the ones above it leave; Infinity without a limit. */
function groupRoom(read: ReadKernelFile): number {
  let group = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  let room = Infinity;
  for (; group !== "/" && group !== ""; group = group.slice(0, group.lastIndexOf("/"))) {
    const dir = `/sys/fs/cgroup${group}`;
    const limit = Number(read(`${dir}/memory.max`) ?? NaN); // "max" is no number
    if (Number.isNaN(limit)) continue;
    const used = Number(read(`${dir}/memory.current`) ?? 0);
    const cached = Number(/^inactive_file (\d+)$/m.exec(read(`${dir}/memory.stat`) ?? "")?.[1] ?? 0);
    room = Math.min(room, Math.max(0, limit - used + cached));
  }
  return room;
}
