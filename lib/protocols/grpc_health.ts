/**
 * grpc.health.v1 `Check`, over a channel of its own each time. The two messages are so small that they are written by hand; the
 * transport is @grpc/grpc-js, loaded only when a configuration has a gRPC probe. Spec: §6; CONTRACT §2.
 */
import type * as Grpc from "@grpc/grpc-js";
import { reasonOf } from "../errors.ts";
import type { Link } from "../model/plan.ts";
import { withoutStack } from "../sys/process/descriptors.ts";
import { systemClock } from "../sys/clock.ts";
import { nodeBuffer } from "../sys/net/node_buffer.ts";

/** What a server may say about one of its services. */
export type HealthAnswer =
  | { kind: "serving" | "not_serving" | "unknown" }
  /** The server has health checking, but not for this service name. */
  | { kind: "service_unknown" }
  /** The server has no health checking. */
  | { kind: "unimplemented" }
  | { kind: "timeout" }
  /** The call failed below gRPC: nothing there, not gRPC at all, or gone in the middle. */
  | { kind: "unavailable"; detail: string }
  /** It does not take our token, or we have none. */
  | { kind: "denied"; detail: string }
  /** Any other gRPC status. */
  | { kind: "refused"; code: string; detail: string };

const method = "/grpc.health.v1.Health/Check";
const lengthDelimited = 2;

/** HealthCheckRequest { string service = 1 }. */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  if (name.length === 0) return new Uint8Array(0);
  const length: number[] = [];
  for (let rest = name.length;; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Uint8Array.from([1 << 3 | lengthDelimited, ...length, ...name]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; fields that are not ours are passed over. Throws RangeError. */
export function decodeHealthResponse(bytes: Uint8Array): number {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("the health answer is cut off");
  };
  let status = 0;
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) {
      const value = varint();
      if (field === 1) status = value;
      continue;
    }
    const sizes: Record<number, () => number> = { 1: () => 8, [lengthDelimited]: varint, 5: () => 4 };
    const size = sizes[wire]?.();
    if (size === undefined) throw new RangeError("the health answer is not protobuf");
    at += size;
    if (at > bytes.length) throw new RangeError("the health answer is cut off");
  }
  return status;
}

/** Asks one server again and again. Disposal cancels what is under way. */
export interface HealthClient extends Disposable {
  /** Never rejects, except with the signal's reason when it is aborted. */
  check(service: string, options: { signal: AbortSignal; timeoutMs: number }): Promise<HealthAnswer>;
}

/** Loads the transport; worth calling early, since the first time costs 50 ms of CPU. */
export function loadGrpc(): Promise<typeof Grpc> {
  return import("@grpc/grpc-js");
}

/** A client for `target` ("host:port", or another name that gRPC resolves), with the TLS and the token of `link`. */
export function healthClient(target: string, link?: Link): HealthClient {
  let client: Grpc.Client | null = null;
  let disposed = false;
  const drop = () => {
    client?.close();
    client = null;
  };
  return {
    async check(service, { signal, timeoutMs }) {
      const grpc = await loadGrpc();
      signal.throwIfAborted();
      if (disposed) return { kind: "unavailable", detail: "the probe is closed" };
      const secrets = link && await import("../sys/net/link.ts");
      let token: string | undefined;
      try {
        token = secrets?.tokenOf(link!);
        client ??= await connected(grpc, target, link?.tls);
      } catch (error) {
        return { kind: "denied", detail: reasonOf(error) };
      }
      const metadata = new grpc.Metadata();
      if (token) metadata.set("authorization", `Bearer ${token}`);
      const asked = { service, metadata, signal, timeoutMs };
      let answer = await withoutStack(() => call(grpc, client!, asked));
      if (token && answer.kind === "refused") {
        const { code, detail } = answer;
        answer = code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED"
          ? { kind: "denied", detail: secrets!.tokenRefused(link!, code).message }
          : { ...answer, detail: secrets!.withoutToken(detail, token) };
      }
      // No channel is kept: the runtime's HTTP/2 was seen to abort the whole program on the GOAWAY of a server that
      // stopped meanwhile, and one that failed waits a second before it connects again. A new one costs 2 ms.
      drop();
      return answer;
    },
    [Symbol.dispose]() {
      disposed = true;
      drop();
    },
  };
}

async function connected(grpc: typeof Grpc, target: string, tls: Link["tls"]): Promise<Grpc.Client> {
  if (!tls) return new grpc.Client(target, grpc.credentials.createInsecure(), channelOptions);
  const { pem } = await import("../sys/net/tls.ts");
  const file = (key: string, path?: string) =>
    path === undefined ? null : nodeBuffer(new TextEncoder().encode(pem(key, path)));
  // The transport takes no address for a name. So it gets another one, and the certificate is held against the address.
  const address = tls.serverName === undefined
    ? /^\[?([\d.]+|[\da-f:.]*:[\da-f:.]*)\]?:\d+$/i.exec(target)?.[1]
    : undefined;
  const { checkServerIdentity } = await import("node:tls");
  const credentials = grpc.credentials.createSsl(
    file("tls.ca_file", tls.caFile),
    file("tls.key_file", tls.keyFile),
    file("tls.cert_file", tls.certFile),
    address ? { checkServerIdentity: (_, certificate) => checkServerIdentity(address, certificate) } : {},
  );
  const name = tls.serverName ?? (address && "address.invalid");
  const named = name ? { "grpc.ssl_target_name_override": name, "grpc.default_authority": target } : {};
  return new grpc.Client(target, credentials, { ...channelOptions, ...named });
}

const channelOptions: Grpc.ChannelOptions = {
  "grpc.enable_http_proxy": 0,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.max_receive_message_length": 64 * 1024,
  // Closing the channel closes its connection too, instead of leaving it to a pool of the whole program.
  "grpc.use_local_subchannel_pool": 1,
};

function call(
  grpc: typeof Grpc,
  client: Grpc.Client,
  { service, metadata, signal, timeoutMs }: {
    service: string;
    metadata: Grpc.Metadata;
    signal: AbortSignal;
    timeoutMs: number;
  },
): Promise<HealthAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HealthAnswer>();
  const pending = client.makeUnaryRequest(
    method,
    (name: string) => nodeBuffer(encodeHealthRequest(name)),
    decodeHealthResponse,
    service,
    metadata,
    { deadline: systemClock.wall().getTime() + timeoutMs },
    (error, status) => {
      signal.removeEventListener("abort", cancel);
      if (signal.aborted) reject(signal.reason);
      else resolve(error ? failure(grpc, error) : answers[status!] ?? { kind: "unknown" });
    },
  );
  const cancel = () => pending.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return promise;
}

const answers: Record<number, HealthAnswer> = {
  0: { kind: "unknown" },
  1: { kind: "serving" },
  2: { kind: "not_serving" },
  3: { kind: "service_unknown" },
};

function failure(grpc: typeof Grpc, error: Grpc.ServiceError): HealthAnswer {
  const detail = firstLine(error.details);
  // An HTTP/2 server that is not asked for anything it knows: what it answers is no gRPC, whatever the transport makes of it.
  if (/^Received (HTTP status code|message larger)/.test(detail)) return { kind: "unavailable", detail };
  switch (error.code) {
    case grpc.status.NOT_FOUND:
      return { kind: "service_unknown" };
    case grpc.status.UNIMPLEMENTED:
      return { kind: "unimplemented" };
    case grpc.status.DEADLINE_EXCEEDED:
      return { kind: "timeout" };
    case grpc.status.UNAVAILABLE:
      return { kind: "unavailable", detail };
    default:
      return { kind: "refused", code: grpc.status[error.code] ?? String(error.code), detail };
  }
}

function firstLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").trim().slice(0, 200);
}
