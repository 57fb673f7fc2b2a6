/** The control socket's answering end. Spec: §12. */
import type { LogLevel } from "../log/mod.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { HttpServer } from "../sys/net/http_server.ts";
import { bindPrivateSocket } from "../sys/net/private_socket.ts";
import { Answers } from "./answers.ts";
import type { ControlTarget } from "./types.ts";

export interface ControlServerOptions {
  /** Told of what clients ask the loader to do, of faults, and once of each kind of refused request. */
  log?: (level: LogLevel, message: string) => void;
  clock?: Clock;
  /** Descriptors that listen on the socket already, of an earlier version of this program. */
  kept?: readonly number[] | undefined;
}

/**
 * Answers `target`'s clients on the unix socket `path` until it is disposed: at most 250 ms later every connection is
 * closed and the socket gone. A socket that a killed loader left is replaced. Rejects with a {@link LoaderError}:
 * `already_running` when another loader answers there, `state_unwritable` when the socket cannot be made, or not safely.
 */
export async function serveControl(
  path: string,
  target: ControlTarget,
  { log = () => {}, clock = systemClock, kept }: ControlServerOptions = {},
): Promise<AsyncDisposable> {
  const answers = new Answers(target, log);
  const socket = await bindPrivateSocket(path, kept);
  return new HttpServer(socket, {
    clock,
    perSecond: 100,
    stranger: () => socket.stranger(),
    handler: (request) => answers.answer(request),
    refuse: (refusal) => answers.refuse(refusal),
    onTardy: (why) => answers.tell("tardy", why),
    onError: (error) => answers.fault(error),
  });
}
