/**
 * Who looks after the processes of a boot: the loader that booted it, or the one that found it dead and cleans up or
 * goes on with what it left. What somebody looks after is nobody else's leftover. Spec: §4; CONTRACT §8.
 */
import { claimants } from "../sys/process/claim.ts";
import { ownPid, userId } from "../sys/host.ts";
import { userOf } from "../sys/process/procfs.ts";

/** Name of the claim to a boot. */
export const bootClaim = (bootId: string): string => `boot/${bootId}`;

/** Pid of another living loader of this user that looks after the boot; null when there is none. */
export function otherLoaderOf(bootId: string): number | null {
  const pids = claimants(bootClaim(bootId)) ?? [];
  if (pids.includes(ownPid)) return null;
  // Of this user: else a stranger could make our own leftovers untouchable.
  return pids.find((pid) => userOf(pid) === userId()) ?? null;
}
