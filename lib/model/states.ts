/** The states of loader and service, and what may happen to a service. What they mean: docs/machines.md. Spec: §1.2, §6. */

export const loaderStates = [
  "INIT",
  "PRECHECK",
  "STARTING",
  "RUNNING_ALL",
  "SYSTEM_READY",
  "DEGRADED",
  "STOPPING",
  "STOPPED",
] as const;
export type LoaderState = typeof loaderStates[number];

export const actualStates = [
  "idle",
  "standby",
  "starting",
  "warming",
  "up",
  "stopping",
  "backoff",
  "away",
  "failed",
] as const;
export type Actual = typeof actualStates[number];
export type Desired = "up" | "down";

/** Why a service is not, or no longer, up. */
export type Fault =
  | {
    kind: "exited";
    status: ExitStatus;
    afterMs: number;
    beforeReady: boolean;
    lastLines: string[];
    /** Who of it goes on although it has ended well, in words: it went to the background. */
    background: string | null;
  }
  | { kind: "spawn_failed"; reason: string }
  /** Its start was not admitted (`on_vram_short: fail`): the next attempt would only be refused too. */
  | { kind: "refused"; reason: string }
  | { kind: "not_ready"; timeoutMs: number; detail: string; lastLines: string[] }
  /** What its probes said is not mended by waiting, nor by another copy. */
  | { kind: "wrong"; detail: string; lastLines: string[] }
  | { kind: "warmup_failed"; detail: string }
  | { kind: "unhealthy"; failures: number; detail: string }
  | { kind: "on_cpu"; detail: string };

export type Verdict =
  | { kind: "restart"; attempt: number; of: number; delayMs: number }
  | { kind: "give_up"; why: string }
  /** It is not ours to restart: it is looked for. */
  | { kind: "look_again"; delayMs: number }
  /** It is not wanted any more: nothing follows. */
  | { kind: "none" };

/** How a process ended. Both null: unknown (an adopted process is nobody's child of ours). */
export interface ExitStatus {
  code: number | null;
  signal: string | null;
}
