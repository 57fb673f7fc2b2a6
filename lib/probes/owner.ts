/**
 * Whose answer it is. A port that answers proves nothing: an orphan of an earlier boot would pass, and so would a
 * stranger who took the port since the precheck. So the listener must be a process of the service. Spec: §6; CONTRACT §2.
 */
import { describePid, listenerOf, listenerPids } from "../sys/process/sockets.ts";
import { isLoopback } from "../sys/net/tcp.ts";
import { waiting, wrong } from "./results.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./types.ts";

/** The probe, believed only if it is the service that listens there. */
export function owned(
  probe: Probe,
  { host, port }: { host: string; port: number },
  target: ProbeTarget,
): Probe {
  // Once proven, the owner is believed as long as it lives in the tree; mostly it is the first process.
  let owner: number | null = null;
  return {
    description: probe.description,
    async check(options) {
      const result = await probe.check(options);
      if (result.state === "waiting" && result.unheard) return result; // nobody is there, so it is nobody's
      if (owner !== null && owner === target.leaderPid()) return result;
      const tree = target.processTree();
      if (tree === null || (owner !== null && tree.has(owner))) return result;
      const { pid, hidden } = listenerOf(tree, port);
      owner = pid;
      return owner === null ? notOurs(result, hidden) : result;
    },
    [Symbol.dispose]: () => probe[Symbol.dispose](),
  };

  /** The whole machine is searched, so that the answer names who it is. */
  function notOurs(result: ProbeResult, hidden: boolean): ProbeResult {
    const { pids: [stranger], foreign } = listenerPids(port);
    const notBy = `not by ${target.name}`;
    if (stranger !== undefined) return wrong(`port ${port} is held by ${describePid(stranger)}, ${notBy}`);
    if (foreign && hidden) return result; // it may well be ours, under another user
    if (foreign) return wrong(`port ${port} is held by a process that cannot be seen, ${notBy}`);
    // No listener on this machine: gone in this moment, or the address is another machine's and nobody can tell.
    return result.state === "ready" && isLoopback(host) ? waiting(`port ${port} was closed again`) : result;
  }
}
