/** The addresses of this machine's interfaces. */
export function ownAddresses(): string[] {
  return Deno.networkInterfaces().map(({ address }) => address);
}

/** True for an IPv4 address that the whole internet may reach: none of the ranges that are kept for private use. Pure. */
export function isPublicIpv4(address: string): boolean {
  const [a = 0, b = 0, c = 0, d] = address.split(".").map(Number);
  if (d === undefined || Number.isNaN(a + b + c + d)) return false;
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b < 128) return false; // behind a provider's address translation
  if (a === 169 && b === 254) return false;
  if (a === 172 && b >= 16 && b < 32) return false;
  if (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  return !(a === 203 && b === 0 && c === 113);
}
