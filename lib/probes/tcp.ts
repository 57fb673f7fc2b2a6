/** Ready when a connect succeeds. Whose listener that is tells `owner.ts`. Spec: §6; CONTRACT §2. */
import { connectTcp } from "../sys/net/tcp.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { attempt, type ProbeDeps, ready } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type TcpSpec = Extract<ProbeSpec, { type: "tcp" }>;

export function create(spec: TcpSpec, _target: ProbeTarget, { clock }: ProbeDeps): Probe {
  return {
    description: `tcp ${spec.host}:${spec.port}`,
    check: (options) =>
      attempt(clock, options, async (signal) => {
        using _stream = await connectTcp(spec.host, spec.port, signal);
        return ready("connected");
      }),
    [Symbol.dispose]() {},
  };
}
