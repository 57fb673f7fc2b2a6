/**
 * A name that one process of this machine holds as long as it lives: an abstract unix socket. It needs no folder that
 * two programs would have to agree on, it lives in the same network namespace as the ports, and the kernel takes it
 * back however its holder ends. Spec: §4.
 */
import { isLinux } from "../host.ts";
import { closeFds } from "./libc.ts";
import { ownListeners, unixSocketHolders } from "./sockets.ts";

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

/** A name that this process holds, by its descriptor. */
export interface KeptClaim {
  name: string;
  fd: number;
}

/** All that this process holds. */
export function ownClaims(): KeptClaim[] {
  return ownListeners().filter(({ name }) => name.startsWith(`@${prefix}`))
    .map(({ name, fd }) => ({ name: name.slice(prefix.length + 1), fd }));
}

/** Goes on with what an earlier version of this program held in this process. */
export function keptClaim(fd: number): Claim {
  return { [Symbol.dispose]: () => closeFds(fd) };
}

/** Who holds the name: pids as far as they may be seen; null when nobody does. */
export function claimants(name: string): number[] | null {
  return unixSocketHolders(`@${prefix}${name}`); // so the kernel prints a name that begins with a NUL
}
