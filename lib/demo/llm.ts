/** Stand-in for the language model: a real grpc.health.v1 server with nothing behind it. Spec: §6; CONTRACT §2, §4. */
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream, ServiceDefinition } from "@grpc/grpc-js";
import { whenAborted } from "../async.ts";
import { decodeHealthResponse, encodeHealthRequest } from "../protocols/grpc_health.ts";
import { nodeBuffer } from "../sys/net/node_buffer.ts";
import type { Listening } from "../sys/net/server.ts";
import { answer, serveUntilEnd, type Surroundings } from "./stand_in.ts";

const SERVING = 1;
const NOT_SERVING = 2;
const WATCH_STEP_MS = 50;
const TOKEN_MS = 60;

/** Serves grpc.health.v1 (service ""), and with `httpPort` also one-token warm-ups over HTTP. */
export async function listen(around: Surroundings): Promise<Listening> {
  const { Server, ServerCredentials, status } = await import("@grpc/grpc-js");
  const state = () => around.loaded() ? SERVING : NOT_SERVING;
  const unknownService = (name: string) => ({ code: status.NOT_FOUND, details: `no service "${name}" here` });

  const server = new Server({ "grpc.enable_http_proxy": 0, "grpc.so_reuseport": 0 });
  server.addService(healthService(), {
    Check(call: ServerUnaryCall<HealthRequest, number>, reply: sendUnaryData<number>) {
      if (call.request.service === "") reply(null, state());
      else reply(unknownService(call.request.service));
    },
    Watch(call: ServerWritableStream<HealthRequest, number>) {
      const report = async () => {
        const ended = new AbortController();
        call.once("cancelled", () => ended.abort());
        const signal = AbortSignal.any([ended.signal, around.signal]);
        let told = -1;
        while (!signal.aborted) {
          if (told !== state()) call.write(told = state());
          await around.clock.sleep(WATCH_STEP_MS, signal);
        }
      };
      report().catch(() => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${around.port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => error ? reject(error) : resolve(bound),
    );
  });
  const finished = whenAborted(around.signal).then(() => server.forceShutdown());
  if (around.options.httpPort === undefined) return { port, finished };
  const http = serveWarmUps(around, around.options.httpPort);
  return { port, finished: Promise.all([finished, http.finished]).then(() => {}) };
}

/** A health check has no room for an inference, so that one goes over a port of its own. */
function serveWarmUps(around: Surroundings, port: number): Listening {
  return serveUntilEnd(around, port, async (request) => {
    if (request.method !== "POST") return answer({ error: "POST /control/warmup is all there is" }, 404);
    const begun = around.clock.now();
    await around.clock.sleep(TOKEN_MS, around.signal);
    around.say("One token generated (pretended)");
    return answer({ ms: Math.round(around.clock.now() - begun) });
  });
}

/** An object, since grpc-js takes an empty text for a request that never came. */
interface HealthRequest {
  service: string;
}

/**
 * grpc.health.v1 written out, since its two messages have one field each: a request is the service's name
 * (field 1, text), a response its status (field 1, a small number).
 */
function healthService(): ServiceDefinition {
  const messages = {
    requestStream: false,
    requestSerialize: ({ service }: HealthRequest) => nodeBuffer(encodeHealthRequest(service)),
    requestDeserialize: (message: Uint8Array): HealthRequest => ({ service: serviceNameIn(message) }),
    responseSerialize: (state: number) => nodeBuffer([0x08, state]),
    responseDeserialize: decodeHealthResponse,
  };
  return {
    Check: { path: "/grpc.health.v1.Health/Check", responseStream: false, ...messages },
    Watch: { path: "/grpc.health.v1.Health/Watch", responseStream: true, ...messages },
  };
}

/** Names longer than 127 bytes would need a longer length; they are unknown here in any case. */
function serviceNameIn(request: Uint8Array): string {
  return request.length > 0 && request[0] === 0x0a ? new TextDecoder().decode(request.subarray(2)) : "";
}
