/**
 * A name that one process of this machine holds as long as it lives: an abstract unix socket. It needs no folder that
 * two programs would have to agree on, it lives in the same network namespace as the ports, and the kernel takes it
 * back however its holder ends. Spec: §4.
 */
import { isLinux } from "../host.ts";
import { unixSocketHolders } from "./sockets.ts";

export type Claim = Disposable;

const prefix = "alexa-loader/";

/** Takes the name; null when somebody has it. @throws the runtime's error where there are no such sockets. */
export function claim(name: string): Claim | null {
  if (!isLinux) return { [Symbol.dispose]() {} };
  try {
    const listener = Deno.listen({ transport: "unix", path: `\0${prefix}${name}` });
    return { [Symbol.dispose]: () => listener.close() };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

/** Who holds the name: pids as far as they may be seen; null when nobody does. */
export function claimants(name: string): number[] | null {
  return unixSocketHolders(`@${prefix}${name}`); // so the kernel prints a name that begins with a NUL
}
