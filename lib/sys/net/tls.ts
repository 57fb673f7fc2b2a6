/**
 * TLS on an outgoing connection, and a sentence for each way in which it fails: what it is, what it means, what to do.
 * The files are read for each connection, so that renewed certificates count at once. Spec: §6; CONTRACT §1.
 */
import type { Link } from "../../model/plan.ts";
import { readSmallFile } from "../files/files.ts";

type Tls = NonNullable<Link["tls"]>;

/** Whoever answers is not who is meant, or cannot be asked so. `slow`: that may only be for now. */
export class TlsError extends Error {
  readonly slow: boolean;

  constructor(message: string, slow = false) {
    super(message);
    this.slow = slow;
  }
}

const plainWords = "it may speak without TLS (then leave out `tls`, and write http for https)";

/** Connects and shakes hands; `signal` bounds both. @throws TlsError, or as the runtime does. */
export async function connectTls(
  hostname: string,
  port: number,
  tls: Tls,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  const caCerts = tls.caFile === undefined ? [] : [pem("tls.ca_file", tls.caFile)];
  const own = tls.certFile === undefined ? null : {
    cert: pem("tls.cert_file", tls.certFile),
    key: pem("tls.key_file", tls.keyFile!),
  };
  let conn: Deno.TlsConn | null = null;
  let connected = false;
  const onAbort = () => conn && closed(conn);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    // Only this one takes a certificate of ours; only the other one takes a name that is not the host's.
    conn = own
      ? await Deno.connectTls({ hostname, port, caCerts, ...own })
      : await Deno.startTls(await Deno.connect({ hostname, port, signal }), {
        hostname: tls.serverName ?? hostname,
        caCerts,
      });
    signal.throwIfAborted();
    connected = true;
    await conn.handshake();
    return conn;
  } catch (error) {
    if (conn) closed(conn);
    if (signal.aborted) {
      if (!connected) throw error;
      throw new TlsError(
        `it took the connection, but answers no TLS handshake: ${plainWords}, or hang`,
        true,
      );
    }
    if (error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.ConnectionReset) {
      throw new TlsError(`it hung up on the TLS handshake: ${plainWords}`);
    }
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function closed(conn: Deno.TlsConn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}

/** What a failure of TLS means, from the runtime's words for it; null: that is none. `tls`: what was configured. */
export function tlsTrouble(message: string, tls: Tls = {}, host = "its address"): string | null {
  const said = /invalid peer certificate: (.*)/.exec(message)?.[1];
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (said !== undefined) return certificateTrouble(said, tls, host);
  if (alert !== undefined) return alertTrouble(alert, tls);
  if (/corrupt message of type InvalidContentType/.test(message)) {
    return "it answers the TLS handshake without TLS: leave out `tls` and write http for https, or put a proxy that " +
      "speaks TLS before it";
  }
  return /keys? may not be consistent|KeyMismatch|InconsistentKeys|inconsistent/i.test(message)
    ? "tls.key_file is not the key of tls.cert_file: name the two that belong together"
    : null;
}

function certificateTrouble(said: string, { caFile }: Tls, host: string): string {
  if (/expired/i.test(said)) {
    return "its certificate has expired: have it renewed there, or set this machine's clock right";
  }
  if (/not ?valid ?yet/i.test(said)) {
    return "its certificate does not hold yet: set this machine's clock right, or that of who made it";
  }
  if (/not valid for name|NotValidForName/.test(said)) {
    const names = [...said.matchAll(/(?:DnsName|IpAddress)\("?([^")]+)"?\)/g)].map(([, name]) => name);
    return `its certificate is for ${names.slice(0, 8).join(", ") || "other names"}, not for ` +
      `${
        /for name "?([^";]+)/.exec(said)?.[1] ?? host
      }: it may be another machine; ask it by a name of its ` +
      "certificate, or put that into tls.server_name";
  }
  if (/CaUsedAsEndEntity/.test(said)) {
    return "its certificate is an authority's, which may sign others and serve nobody: make one for the server " +
      "(openssl req -x509 … -addext basicConstraints=critical,CA:FALSE), and put that into tls.ca_file, too";
  }
  if (/UnknownIssuer|BadSignature|BadEncoding/.test(said)) {
    return `its certificate is signed by ${
      caFile === undefined ? "nobody whom this machine trusts" : `another authority than that of ${caFile}`
    }: it may be another machine; put its authority's certificate into tls.ca_file`;
  }
  return `its certificate is refused (${said.slice(0, 200)})`;
}

function alertTrouble(alert: string, { certFile }: Tls): string {
  if (alert === "CertificateRequired" || (alert === "HandshakeFailure" && certFile === undefined)) {
    return "it wants a certificate of ours: tls.cert_file and tls.key_file";
  }
  return /Certificate|UnknownCA|AccessDenied|DecryptError/.test(alert)
    ? `it does not accept our certificate (${alert}): have tls.cert_file signed by an authority that it knows`
    : `it ended the TLS handshake (${alert})`;
}

/** The text of a PEM file. @throws TlsError where that is none. */
export function pem(key: string, path: string): string {
  const text = readSmallFile(path);
  if (text === null) throw new TlsError(`${key}: ${path} is not there, or may not be read`);
  if (!text.includes("-----BEGIN ")) throw new TlsError(`${key}: ${path} is no PEM file`);
  return text;
}
