/** Hosts, ports and addresses, as the configuration writes them. Pure, and free of heavy imports: the plan uses it too. */

/** Where a probe asks; `key` is the probe's key that says so. Null for probes without a port. */
export function portOf(probe: Record<string, unknown>): { host: string; port: number; key: string } | null {
  switch (probe.type) {
    case "tcp":
    case "wyoming": {
      const host = typeof probe.host === "string" ? probe.host : "127.0.0.1";
      return Number.isInteger(probe.port) ? { host, port: probe.port as number, key: "port" } : null;
    }
    case "http":
    case "ollama": {
      const url = typeof probe.url === "string" ? parseHttpUrl(probe.url) : null;
      return url && { host: url.hostname.replace(/^\[|\]$/g, ""), port: portOfUrl(url), key: "url" };
    }
    case "grpc": {
      const target = typeof probe.target === "string" ? parseTarget(probe.target) : null;
      return target && { ...target, key: "target" };
    }
    default:
      return null;
  }
}

/** An http or https address without a fragment or credentials, or null. */
export function parseHttpUrl(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  return url.hostname === "" || url.username !== "" || url.password !== "" ? null : url;
}

function portOfUrl(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

/** `host:port` or `[address]:port`, or null. */
export function parseTarget(target: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(target);
  const port = Number(match?.[3]);
  return match && port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2], port } : null;
}

/** True for the names and addresses of this machine's loopback (and for "any address", which includes it). */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "0.0.0.0" || host === "::" ||
    /^127(\.\d+){3}$/.test(host);
}
