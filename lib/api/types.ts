/** What both ends of the control socket agree on. Spec: §12. */
import type { Clock } from "../sys/clock.ts";
import type { EventRing } from "./event_ring.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { ReloadReport } from "../model/difference.ts";
import type { DoctorReport } from "../model/doctor.ts";
import type { Elsewhere } from "../model/elsewhere.ts";
import type { Explanation } from "../model/explanation.ts";
import type { LoaderStatus } from "../model/status.ts";

/** The loader as the control socket sees it. */
export interface ControlTarget {
  status(): LoaderStatus;
  /** Gives `service` a fresh copy: true when it is up again, false when it failed or is not wanted any more. */
  restart(service: string): Promise<boolean>;
  /** Starts what is stopped; true when it is up. */
  startService?(service: string): Promise<boolean>;
  /** Stops one until it is started again; false when something of it could not be ended. */
  stopService?(service: string): Promise<boolean>;
  /** Mutes the wake word, or takes that back; false when no KWD runs that could have accepted it. */
  mute?(muted: boolean): Promise<boolean>;
  /** Begins the shutdown and returns at once; `reason` is for the log. */
  stop(reason: string): void;
  /** Why it is as it is, in words. */
  explain?(): Promise<Explanation>;
  /** What the loaders of other machines tell. */
  elsewhere?(signal: AbortSignal): Promise<Elsewhere[]>;
  /** Reads the configuration again and takes over what has changed; `dryRun`: only says what that would be. */
  reload?(dryRun: boolean): Promise<ReloadReport>;
  /** Who holds how much GPU memory, as plain data. */
  vram?(): unknown | Promise<unknown>;
  /** The figures, in Prometheus' text format. */
  metrics?(): Promise<{ text: string; type: string }>;
  /** What has happened in this boot. */
  events?: EventRing;
  /** Where the log files are. */
  logFolder?: string;
  clock?: Clock;
  /** The `last` boots of the history on disk, oldest first. */
  boots?(last: number): readonly BootRecord[];
  /** What is wrong, looked for now; within 3 s. */
  doctor?(): Promise<DoctorReport>;
  /** Has another version of the program executed in the place of this one, or the same once more. */
  upgrade?(wish: UpgradeWish): Promise<UpgradeBegun>;
  /** How this version came to its boot; null: it booted it. */
  takenOver?(): TakeOver | null;
}

/** What is to run from now on. */
export interface UpgradeWish {
  /** Absolute path of a program's file; null: the one that is there. */
  file: string | null;
  /** What its SHA-256 must be; null: what a SHA256SUMS beside it says, if there is one. */
  sha256: string | null;
  /** The file that the last upgrade replaced. */
  rollback: boolean;
}

/** It is checked, and will be executed in the next moment. */
export interface UpgradeBegun {
  from: string;
  to: string;
  /** ISO time; the take-over that follows is not before. */
  at: string;
}

/** Of a take-over, for whoever asked for it. */
export interface TakeOver {
  from: string;
  to: string;
  at: string;
  services: number;
  /** From the last moment of the version before to the first of this one, ms. */
  gap_ms: number;
  /** Why the version before has taken over again; null: it did not have to. */
  returned: string | null;
}

/** What a request about one service came to: `state` and `problem` are those of the service afterwards. */
export interface Outcome {
  ok: boolean;
  state: string;
  problem: string | null;
}

/** Every error answer is `{"error": {code, message, hint}}`; `code` is stable. */
export interface ControlFailure {
  code: string;
  message: string;
  hint: string | null;
}

/** Where the loader of an instance listens; `runtime` is its runtime folder. */
export function controlSocket(runtime: string): string {
  return `${runtime}/control.sock`;
}
