/** Who holds the GPU's memory: services, strangers, nobody that can be seen. Pure. Spec: §5. */
import { type GpuSnapshot, totals } from "../types.ts";

/** The pids of each service's whole process tree. */
export type ServiceTrees = ReadonlyMap<string, ReadonlySet<number>>;

/** What one service holds. `mib` is null if its processes are on the GPU and the driver does not tell how much they hold. */
export interface ServiceVram {
  service: string;
  mib: number | null;
  pids: number[];
}

/** A process on the GPU that belongs to no service. `command` is its command line, "" if that cannot be seen. */
export interface StrangerVram {
  pid: number;
  mib: number | null;
  kind: "compute" | "graphics";
  command: string;
}

export interface Attribution {
  /** Services that are on the GPU, the largest first. */
  services: ServiceVram[];
  strangers: StrangerVram[];
  /** Used memory that no listed process accounts for: driver, other users' processes, other containers. Never below 0. */
  unattributedMib: number;
  /** False if some GPU has no process list: then the lists are incomplete. */
  complete: boolean;
}

/** Shares out a snapshot. A process on several GPUs counts with the sum of what it holds. */
export function attribute(
  snapshot: GpuSnapshot,
  trees: ServiceTrees = new Map(),
  commandOf: (pid: number) => string = () => "",
): Attribution {
  const services = new Map<string, ServiceVram>();
  const strangers = new Map<number, StrangerVram>();
  let known = 0;
  for (const { pid, usedMib, kind } of snapshot.gpus.flatMap((g) => g.processes)) {
    known += usedMib ?? 0;
    const service = serviceOf(pid, trees);
    if (service === null) {
      const holder = ensure(strangers, pid, () => ({ pid, mib: null, kind, command: commandOf(pid) }));
      holder.mib = sum(holder.mib, usedMib);
    } else {
      const holder = ensure(services, service, () => ({ service, mib: null, pids: [] }));
      holder.mib = sum(holder.mib, usedMib);
      if (!holder.pids.includes(pid)) holder.pids.push(pid);
    }
  }
  return {
    services: [...services.values()].sort(largestFirst),
    strangers: [...strangers.values()].sort(largestFirst),
    unattributedMib: Math.max(0, totals(snapshot).usedMib - known),
    complete: snapshot.gpus.every((g) => g.processesKnown),
  };
}

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/** A figure that is not known adds nothing; the sum is unknown only if all of them are. */
function sum(a: number | null, b: number | null): number | null {
  return a === null ? b : a + (b ?? 0);
}

function largestFirst(a: { mib: number | null }, b: { mib: number | null }): number {
  return (b.mib ?? 0) - (a.mib ?? 0);
}

function serviceOf(pid: number, trees: ServiceTrees): string | null {
  for (const [service, pids] of trees) if (pids.has(pid)) return service;
  return null;
}

/** What the given processes hold together; null if none of them is listed with a figure. */
export function heldBy(snapshot: GpuSnapshot, pids: ReadonlySet<number>): number | null {
  return snapshot.gpus.flatMap((g) => g.processes)
    .reduce((held: number | null, p) => pids.has(p.pid) ? sum(held, p.usedMib) : held, null);
}

/** "stt 4000 MiB (pid 12), pid 4711 (python …) 8000 MiB": the largest `limit` holders for a message; "" if there are none. */
export function holdersLine({ services, strangers }: Attribution, limit = 5): string {
  const amount = (mib: number | null) => mib === null ? "an unknown amount" : `${mib} MiB`;
  const all = [
    ...services.map((s) => ({
      mib: s.mib,
      text: `${s.service} ${amount(s.mib)} (pid ${s.pids.join(", ")})`,
    })),
    ...strangers.map((s) => ({ mib: s.mib, text: `${strangerName(s)} ${amount(s.mib)}` })),
  ].sort(largestFirst);
  const shown = all.slice(0, limit).map((h) => h.text);
  if (all.length > limit) shown.push(`${all.length - limit} more`);
  return shown.join(", ");
}

/** "pid 4711 (python -m other)", "pid 4711" if its command cannot be seen. */
export function strangerName({ pid, command }: { pid: number; command: string }): string {
  return command ? `pid ${pid} (${command})` : `pid ${pid}`;
}
