/** Is a TCP port free? The only proof is to bind it. Spec: §4. */

/** True if a listener could be opened on `port` now; also where the machine has no such address at all (IPv6 switched off). */
export function isPortFree(port: number, hostname = "127.0.0.1"): boolean {
  try {
    Deno.listen({ port, hostname }).close();
    return true;
  } catch (error) {
    return error instanceof Deno.errors.AddrNotAvailable;
  }
}

/** A free port that the system chose. */
export function freePort(): number {
  // Not `using`: the bundler's minifier puts a variable that is used once in its place, and forgets its disposal.
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
