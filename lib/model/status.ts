/** What the loader tells about itself, to `status`, to the control socket and to the program that embeds it. Spec: §12. */
import type { Actual, Desired, LoaderState } from "./states.ts";
import type { Role } from "./plan.ts";

export interface ServiceStatus {
  name: string;
  role: Role;
  state: Actual;
  /** `stopped`: by a person, and not missed. */
  desired: Desired | "stopped";
  pid: number | null;
  port: number | null;
  /** Seconds since it is past its gate; null when it is not. */
  up_sec: number | null;
  /** From spawn to ready, as "Ready in" and the boot's record have it; null before, and of an adopted one. */
  ready_ms: number | null;
  restarts: number;
  /** What went wrong last, in words; null when nothing did since it came up. */
  problem: string | null;
  /** Its last STATUS= line. */
  says: string | null;
  adopted: boolean;
  /** MiB on the GPU; null where that cannot be told. */
  vram_mib: number | null;
  /** It is ready but its model is not on the GPU. */
  on_cpu: boolean;
  /** Of an external one: how long its last health checks took, ms; left out before the first. */
  latency_ms?: { last: number; p95: number };
}

/** Whether something works for the person who talks. `unproved`: it is up, and no inference of it was seen to work. */
export type Works = boolean | "unproved";

/** "Can I talk to it, and if not, why?" */
export interface Talk {
  /** `partly`: one is heard, and something of the answer is missing. */
  works: "yes" | "partly" | "not yet" | "no";
  text: string;
}

export interface LoaderStatus {
  talk: Talk;
  state: LoaderState;
  /** What the precheck is at, in words; null in every other state. */
  doing: string | null;
  boot: string;
  version: string;
  pid: number;
  instance: string;
  config: string;
  log_dir: string;
  up_sec: number;
  total_boot_ms: number | null;
  /** What works for the person who talks, by capability. */
  capabilities: Record<string, Works>;
  /** The DEGRADED sentence; null when everything is up. */
  degraded: string | null;
  greeting: string;
  /** True once KWD accepted that it listens; null for one that has no control for it: nobody can know. */
  listening: boolean | null;
  /** A person has muted the wake word; it holds for each copy of KWD until it is taken back. */
  muted: boolean;
  services: ServiceStatus[];
  gpu: { description: string; used_mib: number | null; total_mib: number | null } | null;
}
