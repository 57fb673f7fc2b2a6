/** Ready when grpc.health.v1 says SERVING. Every other answer has its own sentence. Spec: §6; CONTRACT §2. */
import { type HealthAnswer, healthClient, loadGrpc } from "../protocols/grpc_health.ts";
import type { Link } from "../model/plan.ts";
import { connectTcp } from "../sys/net/tcp.ts";
import { parseTarget } from "../address.ts";
import type { Environment, ProbeView, RuleFindings } from "../model/written.ts";
import { describeValue } from "../text.ts";
import { elsewhere, owner, probeKind, type RuleContext } from "./kind.ts";
import { attempt, noAnswer, ready, waiting, wrong } from "./results.ts";
import type { ProbeResult } from "./types.ts";

type GrpcSpec = { target: string; service: string };

export const grpc = probeKind({
  type: "grpc",
  schema: (shapes) => {
    const { z, text } = shapes;
    return z.strictObject({
      type: z.literal("grpc").describe("Ready when grpc.health.v1 answers SERVING"),
      target: text(255).describe("`host:port`"),
      service: z.string().max(255).default("").describe(
        "Service name to ask for; empty means the whole server",
      ),
      owner: owner(shapes, elsewhere),
    });
  },
  portOf({ target }) {
    const parsed = typeof target === "string" ? parseTarget(target) : null;
    return parsed && { ...parsed, key: "target" };
  },
  variables: ["OLLAMA_HOST"],
  rules: checkTarget,
  plan: ({ target, service }) => ({ target, service }),
  describe: (spec) => `${asked(spec)} SERVING`,
  brief: (spec) => `${asked(spec)} = SERVING`,
  create(spec, _target, { clock, link }) {
    const client = healthClient(spec.target, link);
    const address = hostAndPort(spec.target);
    let up = false;
    return {
      check: (options) =>
        attempt(clock, options, async (signal) => {
          // A plain connect tells "not up" for a tenth of the price, and leaves the channel without a failure to wait
          // off. The transport is loaded while the model loads, so that the first real check does not pay for it.
          const knock = async () => {
            if (address) (await connectTcp(address.host, address.port, signal, link)).close();
          };
          if (!up) {
            loadGrpc().catch(() => {});
            await knock();
          }
          const answer = await client.check(spec.service, { signal, timeoutMs: options.timeoutMs });
          up = answer.kind !== "unavailable";
          if (!up) await knock();
          return inWords(answer, spec, options.timeoutMs, link);
        }),
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
});

function asked({ target, service }: GrpcSpec): string {
  return `grpc ${target}${service ? ` ${service}` : ""}`;
}

/** A target that can be asked, and not Ollama's own port. */
function checkTarget({ path, raw }: ProbeView, { service, env }: RuleContext, found: RuleFindings): void {
  if (typeof raw.target !== "string") return;
  const target = parseTarget(raw.target);
  if (target === null) {
    found.errors.push({
      path: [...path, "target"],
      at: "value",
      message: `${service.name}: not a gRPC target`,
      wanted: "host:port, such as 127.0.0.1:5003",
      found: describeValue(raw.target),
      hint: /^[a-z]+:\/\//.test(raw.target) ? "leave out the scheme" : undefined,
    });
  } else if (target.port === ollamaPort(env) || target.port === 11_434) {
    const ollama = service.raw.server === "ollama" || service.raw.backend === "ollama";
    (ollama ? found.errors : found.warnings).push({
      path: [...path, "target"],
      at: "value",
      inside: String(target.port),
      message:
        `${service.name}: port ${target.port} is Ollama's own, which speaks HTTP and has no gRPC health service: ` +
        "it would never become ready",
      wanted: "the gRPC port of your own service in front of Ollama",
      hint: "to wait for Ollama itself, write readiness: { type: ollama }",
    });
  }
}

/** Port of the Ollama that the environment names; its default otherwise. */
function ollamaPort(env: Environment): number {
  const port = /:(\d+)\/?$/.exec(env.OLLAMA_HOST ?? "")?.[1];
  return port === undefined ? 11_434 : Number(port);
}

function inWords(
  answer: HealthAnswer,
  spec: GrpcSpec,
  timeoutMs: number,
  link: Link | undefined,
): ProbeResult {
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
        ? wrong(
          `something listens on ${spec.target}, but it does not speak gRPC (${answer.detail}); if it speaks HTTP, ask it by readiness: { type: http }${
            link?.tls ? "" : ", if it speaks TLS, set `tls` of the service"
          }`,
        )
        : waiting(`UNAVAILABLE (${answer.detail})`);
    case "denied":
      return wrong(answer.detail);
    case "refused":
      return wrong(`the health check was answered with ${answer.code}: ${answer.detail}`);
  }
}

/** The address behind a gRPC target; null for the forms that only gRPC's own resolvers understand. */
function hostAndPort(target: string): { host: string; port: number } | null {
  const [, host, port] = /^(?:dns:(?:\/\/\/)?|ipv4:)?(\[[0-9a-f:.]+\]|[^:/\[\]]+):(\d{1,5})$/i.exec(target) ??
    [];
  return host === undefined ? null : { host, port: Number(port) };
}
