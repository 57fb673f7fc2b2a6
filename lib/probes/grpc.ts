/** Ready when grpc.health.v1 says SERVING. Every other answer has its own sentence. Spec: §6; CONTRACT §2. */
import { type HealthAnswer, healthClient, loadGrpc } from "../protocols/grpc_health.ts";
import { connectTcp } from "../sys/net/tcp.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { attempt, noAnswer, type ProbeDeps, ready, waiting, wrong } from "./results.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./types.ts";

type GrpcSpec = Extract<ProbeSpec, { type: "grpc" }>;

export function create(spec: GrpcSpec, _target: ProbeTarget, { clock }: ProbeDeps): Probe {
  const client = healthClient(spec.target);
  const address = hostAndPort(spec.target);
  let up = false;
  return {
    description: `grpc ${spec.target}${spec.service ? ` ${spec.service}` : ""} = SERVING`,
    check: (options) =>
      attempt(clock, options, async (signal) => {
        // A plain connect tells "not up" for a tenth of the price, and leaves the channel without a failure to wait
        // off. The transport is loaded while the model loads, so that the first real check does not pay for it.
        const knock = async () => {
          if (address) (await connectTcp(address.host, address.port, signal)).close();
        };
        if (!up) {
          loadGrpc().catch(() => {});
          await knock();
        }
        const answer = await client.check(spec.service, { signal, timeoutMs: options.timeoutMs });
        up = answer.kind !== "unavailable";
        if (!up) await knock();
        return inWords(answer, spec, options.timeoutMs);
      }),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

function inWords(answer: HealthAnswer, spec: GrpcSpec, timeoutMs: number): ProbeResult {
  switch (answer.kind) {
    case "serving":
      return ready("SERVING");
    case "not_serving":
      return waiting("NOT_SERVING, alive but loading");
    case "unknown":
      return waiting("UNKNOWN, alive but has not said how it is");
    case "service_unknown":
      return wrong(
        `NOT_FOUND, the server knows no service "${spec.service}" (readiness.service; "" asks for the whole server)`,
      );
    case "unimplemented":
      return wrong("UNIMPLEMENTED, the server speaks gRPC but has no health service (use a tcp probe)");
    case "timeout":
      return noAnswer(timeoutMs);
    case "unavailable":
      return hostAndPort(spec.target)
        ? wrong(`something listens on ${spec.target}, but it does not speak gRPC (${answer.detail})`)
        : waiting(`UNAVAILABLE (${answer.detail})`);
    case "refused":
      return wrong(`the health check was answered with ${answer.code}: ${answer.detail}`);
  }
}

/** The address behind a gRPC target; null for the forms that only gRPC's own resolvers understand. */
function hostAndPort(target: string): { host: string; port: number } | null {
  const match = /^(?:dns:(?:\/\/\/)?|ipv4:)?(\[[0-9a-f:.]+\]|[^:/\[\]]+):(\d{1,5})$/i.exec(target);
  return match && { host: match[1], port: Number(match[2]) };
}
