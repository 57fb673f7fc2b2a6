/** Memory, disks, heat, limits: what the machine gives. */
import { descriptorsFor } from "../../clean_start/descriptors.ts";
import type { Facts, FolderFacts } from "../facts.ts";
import { type Rule, when } from "../rule.ts";

const lowMemory = 0.05, fullSwap = 0.9, stalledPercent = 10, groupMib = 256;
const fullMib = 64, lowMib = 2048, lowShare = 0.05, fewInodes = 0.01;
const hotCelsius = 90, heldShare = 0.1, fewProcesses = 256;
const clockFrom = Date.UTC(2026, 0, 1), movedSec = 60;
/** Bits of a Raspberry Pi's word: under-voltage, frequency capped, throttled, soft temperature limit; of now. */
const piNow = 0xf;
const network = /^(nfs\d?|cifs|smb\d?|9p|fuse\.(sshfs|rclone|s3fs|glusterfs|davfs)|ceph|afs)$/;

const own = ({ folders }: Facts) => folders.filter((folder) => folder.own);
/** One case for each file system, not for each of its folders. */
const each = (
  folders: FolderFacts[],
  is: (folder: FolderFacts) => boolean,
  what: (f: FolderFacts) => string,
) => {
  const seen = new Map(folders.filter(is).map((f) => [`${f.type} ${f.totalMib} ${f.freeMib}`, f]));
  return folders.length === 0 ? null : [...seen.values()].map((f) => `${f.name} ${f.path}: ${what(f)}`);
};

export const machineRules: Rule[] = [
  {
    id: "memory-low",
    severity: "warn",
    looksAt: "/proc/meminfo",
    sees: "Main memory is nearly used up",
    why: "The next model that is loaded is swapped, or the kernel ends somebody.",
    mend: "ps aux --sort=-rss | head shows who holds it: end that, or take a smaller model",
    check: ({ memory }) =>
      memory && when(
        memory.availableMib < memory.totalMib * lowMemory,
        `${memory.availableMib} of ${memory.totalMib} MiB are available`,
      ),
  },
  {
    id: "memory-group",
    severity: "warn",
    looksAt: "memory.max of the control group",
    sees: "The memory limit of the unit or container is nearly reached",
    why: "At the limit the kernel ends a process of the group, however much the machine has left.",
    mend: "Raise MemoryMax= of the unit, or --memory of the container",
    check: ({ memory }) =>
      memory && Number.isFinite(memory.groupRoomMib)
        ? when(memory.groupRoomMib < groupMib, `${Math.round(memory.groupRoomMib)} MiB are left of the limit`)
        : null,
  },
  {
    id: "memory-oom",
    severity: "warn",
    looksAt: "the kernel's count of kills, and memory.events",
    sees: "The kernel has ended a process for want of memory",
    why:
      "Models, browsers and builds together were more than the machine has. The victim is often the largest: the LLM.",
    mend: "journalctl -k --grep 'Out of memory|oom-kill' names it; take a smaller model, or add memory",
    check: ({ memory }) =>
      memory && when(memory.oomKills > 0, `${memory.oomKills} since the machine was started`),
  },
  {
    id: "swap-full",
    severity: "warn",
    looksAt: "/proc/meminfo",
    sees: "Swap is full",
    why: "What was swapped out must come back before it can answer, and there is no room for more.",
    mend: "ps aux --sort=-rss | head shows who is large; then sudo swapoff -a && sudo swapon -a",
    check: ({ memory }) =>
      memory && memory.swapTotalMib > 0
        ? when(
          memory.swapFreeMib < memory.swapTotalMib * (1 - fullSwap),
          `${memory.swapTotalMib - memory.swapFreeMib} of ${memory.swapTotalMib} MiB are used`,
        )
        : null,
  },
  {
    id: "memory-pressure",
    severity: "warn",
    looksAt: "/proc/pressure/memory",
    sees: "The machine stands still for want of memory",
    why: "Pages are thrown out and read again all the time: everything is slow, health checks time out.",
    mend: "End what needs the memory, or take a smaller model",
    check: ({ memory }) =>
      memory && memory.stalled.memory !== null
        ? when(memory.stalled.memory > stalledPercent, `${memory.stalled.memory} % of the last minute`)
        : null,
  },
  {
    id: "disk-pressure",
    severity: "warn",
    looksAt: "/proc/pressure/io",
    sees: "The machine stands still for its disk",
    why: "A slow disk, an SD card or a backup: models load slowly, logs come late.",
    mend: "sudo iotop -o shows who: end that, or move models and logs to a faster disk",
    check: ({ memory }) =>
      memory && memory.stalled.io !== null
        ? when(memory.stalled.io > stalledPercent * 2, `${memory.stalled.io} % of the last minute`)
        : null,
  },
  {
    id: "disk-full",
    severity: "fail",
    looksAt: "the file systems of state, logs, temporary files and models",
    sees: "A disk is full",
    why: "No state can be written, so nothing is known of what was started; engines fail where they unpack.",
    mend: "df -h shows which; make room there, or move state_dir and log_dir",
    check: ({ folders }) => each(folders, (f) => f.freeMib < fullMib, (f) => `${f.freeMib} MiB are free`),
  },
  {
    id: "disk-low",
    severity: "warn",
    looksAt: "the file systems of state, logs, temporary files and models",
    sees: "A disk is nearly full",
    why: "The next model or update will not fit.",
    mend: "du -xh --max-depth=2 / | sort -h | tail shows what is large",
    check: ({ folders }) =>
      each(
        folders,
        (f) => f.freeMib >= fullMib && f.freeMib < Math.min(lowMib, f.totalMib * lowShare),
        (f) => `${f.freeMib} of ${f.totalMib} MiB are free`,
      ),
  },
  {
    id: "disk-inodes",
    severity: "fail",
    looksAt: "the file systems of state, logs, temporary files and models",
    sees: "A file system can hold no more files",
    why: "Very many small files (caches, mail): df -h shows room, and yet no file can be made.",
    mend: "df -i shows which; remove small files there",
    check: ({ folders }) =>
      each(
        folders,
        (f) => f.totalInodes > 0 && f.freeInodes < f.totalInodes * fewInodes,
        (f) => `${f.freeInodes} of ${f.totalInodes} files may be made`,
      ),
  },
  {
    id: "disk-read-only",
    severity: "fail",
    looksAt: "how state, log and temporary folders are mounted",
    sees: "A folder that must be written is on a read-only file system",
    why: "After a disk error the kernel mounts it so: an SD card at the end of its life, or an unclean stop.",
    mend:
      "sudo dmesg | grep -i 'remount\\|I/O error' tells why; then sudo mount -o remount,rw MOUNT, or replace the disk",
    check: (facts) => each(own(facts), (f) => f.readOnly, (f) => `mounted read-only (${f.type})`),
  },
  {
    id: "disk-network",
    severity: "warn",
    looksAt: "the type of file system of state and log folders",
    sees: "State or logs are on a network disk",
    why:
      "Each line waits for the network, and a server that is away stops the loader in the middle of a boot.",
    mend: "Set state_dir and log_dir to folders of a local disk",
    check: (facts) => each(own(facts), (f) => network.test(f.type ?? ""), (f) => `on ${f.type}`),
  },
  {
    id: "heat",
    severity: "warn",
    looksAt: "the machine's temperature sensors",
    sees: "The machine is very hot",
    why: "From here on it slows itself down, and answers take longer.",
    mend: "Clean and air it; `sensors` shows when it is well again",
    check: ({ host }) =>
      host.celsius === null ? null : when(host.celsius >= hotCelsius, `${Math.round(host.celsius)} °C`),
  },
  {
    id: "pi-power",
    severity: "warn",
    looksAt: "a Raspberry Pi's throttling word",
    sees: "The Raspberry Pi is throttled",
    why:
      "Its power supply or cable is too weak, or it is too hot: speech is slow and USB microphones drop out.",
    mend: "Use the official power supply and a fan; vcgencmd get_throttled must say 0x0 after a reboot",
    check: ({ host }) =>
      host.throttled === null
        ? null
        : when((host.throttled & piNow) !== 0, `now 0x${host.throttled.toString(16)}`),
  },
  {
    id: "cpu-quota",
    severity: "warn",
    looksAt: "cpu.stat of the control group",
    sees: "The CPU quota of the unit or container holds the services up",
    why: "They may use less of the CPU than they need for speech in real time.",
    mend: "Raise CPUQuota= of the unit, or --cpus of the container",
    check: ({ host }) =>
      host.quotaHeld === null
        ? null
        : when(host.quotaHeld > heldShare, `in ${Math.round(host.quotaHeld * 100)} % of all periods`),
  },
  {
    id: "cpu-governor",
    severity: "info",
    looksAt: "the CPU's frequency governor",
    sees: "The CPU is set to save power",
    why: "The first answer after a pause is slower than it could be.",
    mend: "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    check: ({ host }) =>
      host.governor === null ? null : when(host.governor === "powersave", "its governor is powersave"),
  },
  {
    id: "limit-files",
    severity: "fail",
    looksAt: "the limit of open files",
    sees: "The limit of open files is too low",
    why: "Each service takes pipes and sockets: past the limit no probe, log or restart works.",
    mend: "ulimit -n 4096 in the shell, LimitNOFILE=4096 in the unit",
    check: ({ host, plan }) => {
      const needed = descriptorsFor(plan?.services.length ?? 4);
      return host.openFiles === null
        ? null
        : when(host.openFiles < needed, `it is ${host.openFiles}, ${needed} are needed`);
    },
  },
  {
    id: "limit-processes",
    severity: "warn",
    looksAt: "the limit of processes",
    sees: "The limit of processes and threads is very low",
    why:
      "Engines start a thread for each core and more; past the limit they fail with `cannot create thread`.",
    mend: "ulimit -u 4096 in the shell, TasksMax= and LimitNPROC= in the unit",
    check: ({ host }) =>
      host.processes === null ? null : when(host.processes < fewProcesses, `it is ${host.processes}`),
  },
  {
    id: "clock-behind",
    severity: "fail",
    looksAt: "the clock, and the last boot on record",
    sees: "The clock is wrong",
    why:
      "Without a battery clock a machine begins in the past until it hears of the time: certificates fail, logs are out of order.",
    mend: "sudo timedatectl set-ntp true",
    check: ({ host, records }) => {
      const last = Math.max(clockFrom, ...records.map(({ at }) => Date.parse(at)).filter(Number.isFinite));
      return when(
        host.now < last - movedSec * 1000,
        `it says ${new Date(host.now).toISOString()}, and was at ${new Date(last).toISOString()} before`,
      );
    },
  },
  {
    id: "clock-moved",
    severity: "warn",
    looksAt: "the loader's start by the clock of then and of now",
    sees: "The clock was moved since the loader was started",
    why: "Times in logs and in the boot history do not fit together. Nothing else depends on them.",
    mend: "alexa-loader stop, then alexa-loader up, once the clock is right",
    check: ({ loader }) =>
      loader.clockMovedSec === null
        ? null
        : when(Math.abs(loader.clockMovedSec) > movedSec, `by ${Math.round(loader.clockMovedSec)} s`),
  },
  {
    id: "locale",
    severity: "warn",
    looksAt: "LC_ALL, LC_CTYPE and LANG",
    sees: "The locale is not UTF-8",
    why: "Python services fail at the first letter that is not English, in what they hear or say.",
    mend: "export LANG=C.UTF-8",
    check: ({ host }) =>
      host.locale === null ? null : when(!/utf-?8$/i.test(host.locale), `it is ${host.locale}`),
  },
  {
    id: "no-libc",
    severity: "warn",
    looksAt: "the C library and /proc",
    sees: "The kernel cannot be asked about processes",
    why:
      "It is no Linux with glibc (musl, as in Alpine): port owners, leftovers and grandchildren that escaped are not seen.",
    mend: "Use a system or an image with glibc (Debian, Ubuntu, Fedora)",
    check: ({ host }) => when(!host.libc, "the C library libc.so.6 or /proc cannot be used"),
  },
  {
    id: "hidden-processes",
    severity: "info",
    looksAt: "how /proc is mounted",
    sees: "Processes of other users are hidden",
    why: "With hidepid nobody can say whose process holds a port.",
    mend: "sudo mount -o remount,hidepid=0 /proc while you look for one",
    check: ({ host }) => host.libc ? when(host.hidesProcesses, "/proc is mounted with hidepid") : null,
  },
  {
    id: "cgroup",
    severity: "info",
    looksAt: "the own control group",
    sees: "The control group is not delegated to the loader's unit",
    why: "Limits per service (memory, CPU) can only be set by the unit as a whole.",
    mend: "Delegate=yes in the unit",
    check: ({ host }) =>
      host.systemd && host.delegated !== null
        ? when(!host.delegated, "the loader may not make control groups below its own")
        : null,
  },
];
