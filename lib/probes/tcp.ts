/**
 * Ready when a connect succeeds and the listener belongs to the service. A port alone proves nothing: an orphan of an
 * earlier boot would pass. Spec: §6; CONTRACT §2.
 */
import { describePid, listenerPids } from "../sys/sockets.ts";
import { connectTcp, isLoopback } from "../sys/tcp.ts";
import type { ProbeSpec } from "../plan/types.ts";
import { attempt, type ProbeDeps, ready, waiting, wrong } from "./results.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./types.ts";

type TcpSpec = Extract<ProbeSpec, { type: "tcp" }>;

export function create(spec: TcpSpec, target: ProbeTarget, { clock }: ProbeDeps): Probe {
  // Once proven, the owner is believed as long as it lives in the tree: searching costs the kernel some milliseconds,
  // too much for every health check.
  let owner: number | null = null;
  return {
    description: `tcp ${spec.host}:${spec.port}`,
    check: (options) =>
      attempt(clock, options, async (signal) => {
        using _stream = await connectTcp(spec.host, spec.port, signal);
        // Who listens is asked only now: it costs more than the connect, and a refused connect needs no owner.
        const tree = spec.owner === "service" ? target.processTree() : null;
        if (tree === null || (owner !== null && tree.has(owner))) return ready("connected");
        owner = listenerPids(spec.port, tree).pids[0] ?? null;
        return owner === null ? notOurs(spec, target.name) : ready("connected");
      }),
    [Symbol.dispose]() {},
  };
}

/** Not ours: the whole machine is searched, so that the answer names who it is. */
function notOurs(spec: TcpSpec, name: string): ProbeResult {
  const { pids: [stranger], foreign } = listenerPids(spec.port);
  if (stranger !== undefined) {
    return wrong(`port ${spec.port} is held by ${describePid(stranger)}, not by ${name}`);
  }
  if (foreign) return wrong(`port ${spec.port} is held by a process that cannot be seen, not by ${name}`);
  // No listener on this machine: gone in this moment, or the address is another machine's and nobody can tell.
  return isLoopback(spec.host) ? waiting(`port ${spec.port} was closed again`) : ready("connected");
}
