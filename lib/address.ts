/** Hosts, ports and addresses, as the configuration writes them. Pure. */
import type { Path, RuleFindings } from "./model/written.ts";
import { describeValue } from "./text.ts";

/** An http or https address without a fragment or credentials, or null. */
export function parseHttpUrl(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  return url.hostname === "" || url.username !== "" || url.password !== "" ? null : url;
}

/** The rule of every `url`; what is no text at all is the schema's business. */
export function checkUrl(url: unknown, path: Path, found: RuleFindings): void {
  if (typeof url !== "string" || parseHttpUrl(url) !== null) return;
  found.errors.push({
    path,
    at: "value",
    message: "not an address that can be asked",
    wanted: "http://host:port/path or https://…, without a user name or password",
    found: describeValue(url),
    hint: /^[a-z]+:\/\//i.test(url) ? undefined : `write http://${url.slice(0, 60)}`,
  });
}

/** `host:port` or `[address]:port`, or null. */
export function parseTarget(target: string): { host: string; port: number } | null {
  const [, address, name = "", digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(target) ?? [];
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { host: address ?? name, port } : null;
}

/** True for the names and addresses of this machine's loopback (and for "any address", which includes it). */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "0.0.0.0" || host === "::" ||
    /^127(\.\d+){3}$/.test(host);
}

/** True for what no other machine can reach. */
export function isOnlyLoopback(host: string): boolean {
  return isLoopback(host) && host !== "0.0.0.0" && host !== "::";
}
