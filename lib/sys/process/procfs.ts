/** Processes as the kernel shows them: identity, family, command line, environment. Empty answers where there is no /proc. */
import { listNumbers, readBytes } from "./libc.ts";

/** One process, of /proc/PID/stat. `startTime` is in clock ticks since the machine's boot (field 22): with the pid it is identity. */
export interface ProcessStat {
  pid: number;
  comm: string;
  state: string;
  ppid: number;
  pgrp: number;
  session: number;
  startTime: number;
  /** User and system CPU time in clock ticks (1/100 s). */
  cpuTicks: number;
}

const decoder = new TextDecoder();

/** All pids; empty where /proc cannot be read. */
export function listPids(): number[] {
  return listNumbers("/proc") ?? [];
}

/** The process's status line; null when it is gone. */
export function readStat(pid: number): ProcessStat | null {
  const bytes = readBytes(`/proc/${pid}/stat`);
  if (!bytes || bytes.length === 0) return null;
  const text = decoder.decode(bytes);
  const open = text.indexOf("("), close = text.lastIndexOf(")"); // the name may hold anything, also ") R 1"
  const fields = text.slice(close + 2).split(" ");
  return {
    pid,
    comm: text.slice(open + 1, close),
    state: fields[0]!,
    ppid: Number(fields[1]),
    pgrp: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
}

/** Nothing can be seen now, not even ourselves: a process that does not show is not a process that is gone. */
export function isBlind(): boolean {
  return readStat(Deno.pid) === null;
}

/** A process that has ended but was not yet reaped does not count as there. */
export function isGone(stat: ProcessStat | null): boolean {
  return stat === null || stat.state === "Z" || stat.state === "X";
}

function nulSeparated(path: string): string[] {
  const bytes = readBytes(path);
  if (!bytes || bytes.length === 0) return [];
  const parts = decoder.decode(bytes).split("\0");
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

/** The command line; empty for kernel threads, zombies and processes that are gone. */
export function commandLine(pid: number): string[] {
  return nulSeparated(`/proc/${pid}/cmdline`);
}

/** The value of one variable of the environment the process was started with; null if not set or not to be seen. */
export function environmentOf(pid: number, name: string): string | null {
  const prefix = name + "=";
  for (const entry of nulSeparated(`/proc/${pid}/environ`)) {
    if (entry.startsWith(prefix)) return entry.slice(prefix.length);
  }
  return null;
}

/** Real user id of a process; null when it is gone. */
export function userOf(pid: number): number | null {
  const bytes = readBytes(`/proc/${pid}/status`);
  const match = bytes && /^Uid:\s+(\d+)/m.exec(decoder.decode(bytes));
  return match ? Number(match[1]) : null;
}

/** Every process that can be seen, by pid. About 0.02 ms for each. */
export function allStats(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const pid of listPids()) {
    const stat = readStat(pid);
    if (stat) stats.set(pid, stat);
  }
  return stats;
}

/** Pids of the direct children of a process, or of these threads of it; null where the kernel does not offer the list. */
export function childPids(pid: number, threads = listNumbers(`/proc/${pid}/task`)): number[] | null {
  if (!threads) return [];
  const pids: number[] = [];
  for (const thread of threads) {
    const bytes = readBytes(`/proc/${pid}/task/${thread}/children`);
    if (!bytes) return readStat(pid) ? null : pids;
    for (const word of decoder.decode(bytes).split(" ")) if (word) pids.push(Number(word));
  }
  return pids;
}

/**
 * A process and its living descendants. Costs reads in proportion to the family, not to the machine's process table.
 * `known`: the root, if it was looked up right now.
 */
export function family(root: number, known: ProcessStat | null = null): ProcessStat[] {
  const found: ProcessStat[] = [];
  const todo = [root];
  for (let pid = todo.pop(); pid !== undefined; pid = todo.pop()) {
    const stat = pid === known?.pid ? known : readStat(pid);
    if (isGone(stat)) continue;
    found.push(stat!);
    const children = childPids(pid);
    if (children === null) {
      const stats = allStats();
      return [...processTree([root], stats)].map((p) => stats.get(p)!).filter((s) => s && !isGone(s));
    }
    todo.push(...children);
  }
  return found;
}

/** The given processes and all their living descendants. */
export function processTree(
  roots: Iterable<number>,
  stats: Map<number, ProcessStat> = allStats(),
): Set<number> {
  const children = new Map<number, number[]>();
  for (const s of stats.values()) {
    const list = children.get(s.ppid);
    if (list) list.push(s.pid);
    else children.set(s.ppid, [s.pid]);
  }
  const tree = new Set<number>();
  const todo = [...roots];
  for (let pid = todo.pop(); pid !== undefined; pid = todo.pop()) {
    if (tree.has(pid)) continue;
    tree.add(pid);
    todo.push(...children.get(pid) ?? []);
  }
  return tree;
}

/** Living members of a process group. */
export function groupMembers(pgid: number, stats: Map<number, ProcessStat> = allStats()): ProcessStat[] {
  return [...stats.values()].filter((s) => s.pgrp === pgid && !isGone(s));
}

/** "pid 4711 (python -m services.stt_service)", for messages; the command line is cut at 120 characters. */
export function describePid(pid: number): string {
  const command = commandLine(pid).join(" ") || readStat(pid)?.comm || "gone";
  // deno-lint-ignore no-control-regex
  const clean = command.replace(/[\x00-\x1f\x7f]/g, " ");
  return `pid ${pid} (${clean.length > 120 ? clean.slice(0, 117) + "…" : clean})`;
}

/** Random id that the kernel takes at each boot of the machine; "" where there is none. */
export function machineBootId(): string {
  const bytes = readBytes("/proc/sys/kernel/random/boot_id");
  return bytes ? decoder.decode(bytes).trim() : "";
}

/** The systemd unit or other control group of a process, as its last path element; null if there is none. */
export function unitOf(pid: number): string | null {
  const bytes = readBytes(`/proc/${pid}/cgroup`);
  const path = bytes ? decoder.decode(bytes).trim().split("\n").at(-1)?.split(":")[2] : undefined;
  const last = path?.split("/").findLast((part) => /\.(service|scope)$/.test(part));
  return last ?? null;
}
