/** The machine as its kernel shows it: a few dozen small files, some milliseconds. */
import { kernelMachine } from "../../prewarm/pressure.ts";
import { userName } from "../../clean_start/port_owner.ts";
import { diskOf } from "../../sys/files/disk.ts";
import { kindOf } from "../../sys/files/files.ts";
import { pathExists } from "../../sys/gpu_device.ts";
import { isLinux, ownPid, realPath, userId } from "../../sys/host.ts";
import { systemClock } from "../../sys/clock.ts";
import { ownership } from "../../sys/process/precheck.ts";
import { isBlind } from "../../sys/process/procfs.ts";
import type { FolderFacts, HostFacts, MemoryFacts } from "../facts.ts";
import { figureIn, kernelText, type Looking } from "./looking.ts";

type Env = Readonly<Record<string, string | undefined>>;

const sensors = 16;
const piWord = "/sys/devices/platform/soc/soc:firmware/get_throttled";
const frequency = "/sys/devices/system/cpu/cpu0/cpufreq";

/** `pid`: whose limits and control group count. */
export function lookAtHost(env: Env, pid: number | null): HostFacts {
  const uid = userId(), user = userName(uid);
  const limits = kernelText(`/proc/${pid ?? ownPid}/limits`);
  const systemd = pathExists("/run/systemd/system");
  const group = groupFolder(pid ?? ownPid);
  const stat = group === null ? "" : kernelText(`${group}/cpu.stat`);
  const periods = figureIn(stat, /^nr_periods (\d+)$/m), held = figureIn(stat, /^nr_throttled (\d+)$/m);
  const heat = Array.from(
    { length: sensors },
    (_, i) => figureIn(kernelText(`/sys/class/thermal/thermal_zone${i}/temp`), /^(\d+)$/m),
  ).filter((one) => one !== null);
  const word = kernelText(piWord).trim();
  return {
    libc: isLinux && !isBlind(),
    container: pathExists("/.dockerenv") || pathExists("/run/.containerenv"),
    systemd,
    uid,
    user,
    now: systemClock.wall().getTime(),
    locale: /^(?!C$|POSIX$).+/.exec(env.LC_ALL || env.LC_CTYPE || env.LANG || "")?.[0] ?? null,
    runtimeDir: env.XDG_RUNTIME_DIR || null,
    lingers: systemd ? pathExists(`/var/lib/systemd/linger/${user}`) : null,
    openFiles: limitIn(limits, "Max open files"),
    processes: limitIn(limits, "Max processes"),
    delegated: group === null ? null : (ownership(group)?.uid === uid),
    hidesProcesses: /^\S+ \S+ \S+ \S+ \/proc .*hidepid=[^0o\s]/m.test(kernelText("/proc/self/mountinfo")),
    celsius: heat.length === 0 ? null : Math.max(...heat) / 1000,
    throttled: word === "" ? null : parseInt(word, 16),
    quotaHeld: periods === null || held === null || periods < 100 ? null : held / periods,
    // These drivers' "powersave" is the usual, and follows the load.
    governor: /^(intel_pstate|amd-pstate)/.test(kernelText(`${frequency}/scaling_driver`))
      ? null
      : kernelText(`${frequency}/scaling_governor`).trim() || null,
  };
}

function limitIn(limits: string, name: string): number | null {
  const soft = new RegExp(`^${name} +(\\S+)`, "m").exec(limits)?.[1];
  return soft === undefined ? null : soft === "unlimited" ? Infinity : Number(soft);
}

/** Folder of a process' control group (version 2); null where there is none. */
function groupFolder(pid: number): string | null {
  const path = /^0::(\/.*)$/m.exec(kernelText(`/proc/${pid}/cgroup`))?.[1];
  const folder = `/sys/fs/cgroup${path}`;
  return path === undefined || path === "/" || !pathExists(`${folder}/cgroup.procs`) ? null : folder;
}

export function lookAtMemory(pid: number | null): MemoryFacts | null {
  const text = kernelText("/proc/meminfo");
  const mib = (name: string) => (figureIn(text, new RegExp(`^${name}: +(\\d+) kB$`, "m")) ?? 0) / 1024;
  const total = Math.round(mib("MemTotal"));
  if (total === 0) return null;
  const group = groupFolder(pid ?? ownPid);
  const events = group === null ? "" : kernelText(`${group}/memory.events`);
  const available = Math.round(mib("MemAvailable"));
  const roomMib = (kernelMachine().availableBytes() ?? Infinity) / 2 ** 20;
  const stalled = (of: string) => figureIn(kernelText(`/proc/pressure/${of}`), /^full .*avg60=([\d.]+)/m);
  return {
    totalMib: total,
    availableMib: available,
    swapTotalMib: Math.round(mib("SwapTotal")),
    swapFreeMib: Math.round(mib("SwapFree")),
    oomKills: Math.max(
      figureIn(kernelText("/proc/vmstat"), /^oom_kill (\d+)$/m) ?? 0,
      figureIn(events, /^oom_kill (\d+)$/m) ?? 0,
    ),
    groupRoomMib: roomMib < available ? roomMib : Infinity,
    stalled: { memory: stalled("memory"), io: stalled("io") },
  };
}

/** A folder and its file system, in a way that a network disk that is away cannot stop. */
export async function lookAtFolder(
  looking: Looking,
  { name, path, own }: Pick<FolderFacts, "name" | "path" | "own">,
): Promise<FolderFacts[]> {
  return await looking.ask(`${name} ${path}`, [], async () => {
    let there = path;
    while (there !== "/" && kindOf(there) === null) there = there.slice(0, there.lastIndexOf("/")) || "/";
    const real = realPath(there), disk = await diskOf(real);
    return [{ name, path, own, owner: there === path ? ownership(path) : null, ...disk }];
  });
}
