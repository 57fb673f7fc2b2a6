/** The API for other machines: the same answers over TLS, to whoever has the token. Spec: §12. */
import type { LogLevel } from "../log/mod.ts";
import type { Clock } from "../sys/clock.ts";
import { isSameSecret } from "../sys/host.ts";
import { bindTcp, bindTls, HttpServer } from "../sys/net/http_server.ts";
import { Answers } from "./answers.ts";
import { failure } from "./route.ts";
import type { ControlTarget } from "./types.ts";

export interface RemoteOptions {
  host: string;
  /** 0: any. */
  port: number;
  token: string;
  /** PEM texts; null: without TLS, for a proxy on this machine. */
  tls: { cert: string; key: string } | null;
  /** Told of what clients ask to be done, of faults, and once of each kind of refusal. */
  log: (level: LogLevel, message: string) => void;
  clock: Clock;
}

/** Serves until it is disposed of. @throws when the port cannot be bound, or the certificate is none. */
export function serveRemote(target: ControlTarget, o: RemoteOptions): AsyncDisposable & { port: number } {
  const answers = new Answers(target, o.log);
  const socket = o.tls ? bindTls(o.host, o.port, o.tls) : bindTcp(o.host, o.port);
  const server = new HttpServer(socket, {
    clock: o.clock,
    // Its token keeps pages of other sites out too: none can send that header.
    handler: (request) => {
      const given = request.headers.get("authorization") ?? "";
      if (isSameSecret(given, `Bearer ${o.token}`)) return answers.answer(request);
      answers.tell("no_token", "the token is missing or wrong");
      return failure(401, "no_token", "the token is missing or wrong");
    },
    refuse: (refusal) => answers.refuse(refusal),
    onTardy: (why) => answers.tell("tardy", why),
    onError: (error) => answers.fault(error),
  });
  return { port: socket.port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
