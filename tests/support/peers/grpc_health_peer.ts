/** A real grpc-js server; `answer` decides what its health service says, null leaves the health service out. */
import * as grpc from "@grpc/grpc-js";

export type HealthSays = { status: number } | { error: number; details?: string } | "nothing";

export interface GrpcPeer extends AsyncDisposable {
  port: number;
  target: string;
  /** The services that were asked for. */
  asked: string[];
  /** Addresses of the connections that asked. */
  askers: Set<string>;
}

/** The request as the wire has it: field 1, length-delimited. Read here by hand, not by the code under test. */
function serviceOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  if (bytes[0] !== 0x0a) throw new Error("not a HealthCheckRequest");
  let at = 1;
  let length = 0;
  for (let shift = 0;; shift += 7) {
    const byte = bytes[at++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (bytes.length !== at + length) throw new Error("not a HealthCheckRequest");
  return new TextDecoder().decode(bytes.subarray(at));
}

export async function startGrpcPeer(answer: ((service: string) => HealthSays) | null): Promise<GrpcPeer> {
  const server = new grpc.Server();
  const asked: string[] = [], askers = new Set<string>();
  if (answer) {
    server.addService({
      Check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: Uint8Array) => Buffer.from(value),
        requestDeserialize: (bytes: Uint8Array) => bytes,
        responseSerialize: (status: number) => Buffer.from([0x08, status]),
        responseDeserialize: (bytes: Uint8Array) => bytes[1],
      },
    }, {
      Check(call: grpc.ServerUnaryCall<Uint8Array, number>, respond: grpc.sendUnaryData<number>) {
        const service = serviceOf(call.request);
        asked.push(service);
        askers.add(call.getPeer());
        const said = answer(service);
        if (said === "nothing") return;
        if ("status" in said) respond(null, said.status);
        else respond({ code: said.error, details: said.details ?? "" });
      },
    });
  }
  const bound = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) bound.reject(error);
    else bound.resolve(port);
  });
  const port = await bound.promise;
  return {
    port,
    target: `127.0.0.1:${port}`,
    asked,
    askers,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.tryShutdown(() => closed.resolve());
      server.forceShutdown();
      await closed.promise;
    },
  };
}
