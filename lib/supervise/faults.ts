/** What went wrong with a service, as data: of what ended, and of what could not be begun. Spec: §6. */
import { LoaderError, reasonOf } from "../errors.ts";
import type { ExitStatus, Fault } from "../model/states.ts";
import type { Supervised, SupervisedCopy } from "../services/supervised.ts";

/** Its copy has ended by itself, `afterMs` after its start. */
export function exitFault(
  service: Supervised,
  copy: SupervisedCopy,
  { status, ...when }: { status: ExitStatus; afterMs: number; beforeReady: boolean },
): Fault {
  const background = status.code === 0 ? copy.leftBehind : null;
  return { kind: "exited", status, ...when, lastLines: service.lastLines(3), background };
}

/** A stage of it failed otherwise than by abort. */
export function stageFault(error: unknown): Fault {
  const refused = error instanceof LoaderError && error.code === "vram_short";
  return { kind: refused ? "refused" : "spawn_failed", reason: reasonOf(error) };
}
