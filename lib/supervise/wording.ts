/** What the supervision says, in one place. Spec: §7, §13; CONTRACT §9. */
import type { ExitStatus, Fault, Verdict } from "../model/states.ts";

function exited(status: ExitStatus): string {
  if (status.signal) return `Killed by ${status.signal}`;
  if (status.code === null) return "Ended";
  return `Exited with code ${status.code}`;
}

/** What happened, as half a sentence. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case "exited": {
      const after = `after ${(fault.afterMs / 1000).toFixed(1)}s`;
      return fault.background === null
        ? `${exited(fault.status)} ${after}`
        : `Went to the background ${after} (${fault.background} goes on): start it in the foreground`;
    }
    case "spawn_failed":
    case "refused":
      return fault.reason;
    case "not_ready":
      return `Not ready within ${Math.round(fault.timeoutMs / 100) / 10} s (last: ${fault.detail})`;
    case "wrong":
      return `Never becomes ready: ${fault.detail}`;
    case "warmup_failed":
      return `Warm-up failed: ${fault.detail}`;
    case "unhealthy":
      return fault.failures === 1
        ? `Unhealthy: ${fault.detail}`
        : `Unhealthy: ${fault.failures} checks in a row failed (last: ${fault.detail})`;
    case "on_cpu":
      return `READY ON CPU: ${fault.detail}`;
  }
}

/** What follows, as half a sentence; null when nothing does. */
export function verdictText(verdict: Exclude<Verdict, { kind: "look_again" }>): string | null {
  if (verdict.kind === "none") return null;
  if (verdict.kind === "give_up") return `given up (${verdict.why})`;
  return `restart ${verdict.attempt} of ${verdict.of} in ${(verdict.delayMs / 1000).toFixed(1)}s`;
}

/** Why a service is failed, short enough for the DEGRADED line: "3 restarts in 600 s", "exit code 7". */
export function failedBecause(fault: Fault | null, why: string | null): string {
  if (fault?.kind === "wrong") return fault.detail;
  if (fault?.kind === "exited" && fault.background !== null) return "it went to the background";
  if (why) return why;
  return fault ? faultText(fault) : "unknown";
}
