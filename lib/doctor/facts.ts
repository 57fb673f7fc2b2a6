/** What was seen of machine, configuration and loader: one snapshot, plain data, all that the rules know. */
import type { GpuFailure, GpuSnapshot } from "../gpu/types.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { BootPlan } from "../model/plan.ts";
import type { LoaderStatus } from "../model/status.ts";
import type { DiskFacts } from "../sys/files/disk.ts";

/** Null always means: not there, not asked, or not to be read. */
export interface Facts {
  host: HostFacts;
  memory: MemoryFacts | null;
  folders: FolderFacts[];
  config: ConfigFacts;
  /** Null without a usable configuration. */
  plan: BootPlan | null;
  loader: LoaderFacts;
  /** The last boots, oldest first. */
  records: readonly BootRecord[];
  gpu: GpuFacts;
  sound: SoundFacts | null;
  net: NetFacts;
  models: ModelFacts[];
  ollama: OllamaFacts[];
  wake: WakeFacts[];
}

export interface HostFacts {
  /** The C library could be asked, and so /proc. */
  libc: boolean;
  container: boolean;
  systemd: boolean;
  uid: number;
  user: string;
  /** Wall clock, ms. */
  now: number;
  /** LC_ALL, else LC_CTYPE, else LANG; null for none and for C, which Python takes for UTF-8. */
  locale: string | null;
  /** XDG_RUNTIME_DIR. */
  runtimeDir: string | null;
  /** `loginctl enable-linger`; null without systemd. */
  lingers: boolean | null;
  /** Soft limits of the running loader, else ours; Infinity: unlimited. */
  openFiles: number | null;
  processes: number | null;
  /** Our control group may be written, so that limits can be set per service. */
  delegated: boolean | null;
  /** /proc is mounted with hidepid. */
  hidesProcesses: boolean;
  /** The hottest sensor, degrees Celsius. */
  celsius: number | null;
  /** A Raspberry Pi's word of now: under-voltage, capped, throttled. */
  throttled: number | null;
  /** Share (0..1) of the periods in which the CPU quota of the control group held us up. */
  quotaHeld: number | null;
  governor: string | null;
}

export interface MemoryFacts {
  totalMib: number;
  availableMib: number;
  swapTotalMib: number;
  swapFreeMib: number;
  /** Kills since the machine's boot. */
  oomKills: number;
  /** What the control group's limit leaves; Infinity without one. */
  groupRoomMib: number;
  /** Percent of the last minute in which nothing went on, for want of it. */
  stalled: { memory: number | null; io: number | null };
}

/** A folder that the loader or a model needs, and the file system it is on. */
export interface FolderFacts extends DiskFacts {
  /** "state folder". */
  name: string;
  path: string;
  /** The loader writes there. */
  own: boolean;
  /** Null when it is not there yet: then the figures are those of the next folder above that is. */
  owner: { uid: number; mode: number } | null;
}

export interface ConfigFacts {
  path: string | null;
  /** Why there is no plan: a configuration that is wrong. */
  problems: string[];
  /** Others may read the file, and it has secrets in it. */
  exposed: boolean;
  /** Commands, scripts and modules that are not there. */
  missing: { service: string; what: string }[];
}

export interface LoaderFacts {
  status: LoaderStatus | null;
  /** One is there and cannot be asked: why. */
  unanswered: string | null;
  /** Our own version. */
  version: string;
  /** It is a unit of a user's systemd, or such a unit is there. */
  userUnit: boolean;
  /** Its guardian lives; null where that cannot be seen, or none is wanted. */
  guarded: boolean | null;
  /** By how much the wall clock was moved since its start, s. */
  clockMovedSec: number | null;
  /** Processes of an earlier loader that live though no loader runs: "tts: pid 4711 (piper)". */
  leftovers: string[];
}

export interface GpuFacts {
  /** Something speaks for a GPU: a driver, a card on the bus, a tool. */
  expected: boolean;
  /** A card of NVIDIA's is on the bus. */
  nvidiaCard: boolean;
  nvidiaDriver: boolean;
  /** The module that CUDA needs beside the driver; null without the driver. */
  uvm: boolean | null;
  /** The driver saves the GPU's memory when the machine is suspended. */
  keepsMemory: boolean | null;
  /** How often the machine was suspended since its boot. */
  suspends: number;
  snapshot: GpuSnapshot | null;
  failure: GpuFailure | null;
  /** Why it is not NVML that tells, though it should. */
  reasons: readonly string[];
  /** Device nodes that this user may not use. */
  denied: string[];
  /** A sentence for each service that will not fit. */
  short: string[];
  /** NVIDIA's reasons for a lower clock, by GPU: a set of bits. */
  throttle: { gpu: number; reasons: number }[];
}

export interface SoundFacts {
  /** As /proc/asound/cards: number, id, name. */
  cards: { index: number; id: string; name: string }[];
  /** Some card can record, or play. */
  capture: boolean;
  playback: boolean;
  /** This user may use the devices. */
  usable: boolean;
  /** The program is installed; its socket is there. */
  pipewire: { installed: boolean; socket: boolean };
  /** Microphone and speaker as the sound server has them. */
  source: Volume | null;
  sink: Volume | null;
}

export interface Volume {
  percent: number;
  muted: boolean;
  /** The tool that tells: its own words mend it. */
  tool: "wpctl" | "amixer";
}

export interface NetFacts {
  /** 127.0.0.1 is an address of this machine. */
  loopback: boolean;
  /** Addresses that the whole internet can reach, as far as they tell. */
  publicAddresses: string[];
  /** Ports that a service needs and somebody else has. */
  held: HeldPort[];
  /** Model servers that answer without a key on more than loopback. */
  open: { port: number; what: string; address: string }[];
  /** HTTP_PROXY or ALL_PROXY, without credentials, and whether NO_PROXY names loopback. */
  proxy: { address: string; sparesLoopback: boolean } | null;
}

export interface HeldPort {
  port: number;
  services: string[];
  /** "pid 4711 (python x.py) of user eve, unit x.service"; "" when nobody is seen. */
  holder: string;
  pid: number | null;
  /** The systemd unit that brings it; `user`: of a user's systemd. */
  unit: { name: string; user: boolean } | null;
}

export interface ModelFacts {
  service: string;
  /** What the configuration names and is not there. */
  problems: string[];
  /** Folders of models without any. */
  empty: string[];
  /** Links to nothing in a cache of models. */
  dangling: string[];
  /** Files that are empty, or only Git's pointer to a model. */
  hollow: string[];
}

export interface OllamaFacts {
  service: string;
  origin: string;
  model: string | null;
  numCtx: number | null;
  /** Null when it does not answer. */
  installed: string[] | null;
  /** The model in memory; null when it is not. */
  resident: {
    sizeMib: number;
    gpuMib: number;
    /** ms from now until it is unloaded; null for never, or not told. */
    unloadsInMs: number | null;
    context: number | null;
  } | null;
}

export interface WakeFacts {
  service: string;
  /** The word that is wanted; null when the configuration does not say. */
  wanted: string | null;
  /** What its server says to it; null when it was not asked or does not answer. */
  answer: { problem: string | null } | null;
}
