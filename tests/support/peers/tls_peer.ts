/** A TLS front before a plain server, as a proxy makes it, and the certificates for it: real ones, made by openssl. */

export const noOpenssl = ((): boolean => {
  try {
    return !new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return true;
  }
})();
/** For the names of tests that need it. */
export const needsOpenssl = noOpenssl ? " (skipped: apt-get install openssl)" : "";

/** A folder with an authority, and what it signs. Removed at disposal. */
export class Authority implements Disposable {
  readonly dir = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ca" });
  readonly ca = `${this.dir}/ca.pem`;

  constructor() {
    this.#openssl("req", "-x509", ...this.#key("ca"), "-out", this.ca, "-subj", "/CN=ours", "-days", "30");
  }

  /** A certificate for these names ("DNS:gpu-box,IP:127.0.0.1") and its key. */
  sign(name: string, names: string, days = 10): { cert: string; key: string } {
    const [request, cert] = [`${this.dir}/${name}.csr`, `${this.dir}/${name}.pem`];
    const made = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${names}`, "-out", request];
    this.#openssl("req", ...this.#key(name), ...made);
    const by = [
      "-CA",
      this.ca,
      "-CAkey",
      `${this.dir}/ca.key`,
      "-CAcreateserial",
      "-copy_extensions",
      "copy",
    ];
    this.#openssl("x509", "-req", "-in", request, ...by, "-out", cert, "-days", String(days));
    return { cert, key: `${this.dir}/${name}.key` };
  }

  write(name: string, text: string): string {
    const path = `${this.dir}/${name}`;
    Deno.writeTextFileSync(path, text);
    return path;
  }

  #key(name: string): string[] {
    return [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      `${this.dir}/${name}.key`,
    ];
  }

  #openssl(...args: string[]): void {
    const { success, stderr } = new Deno.Command("openssl", { args, stdout: "null", stderr: "piped" })
      .outputSync();
    if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

export interface TlsFront extends AsyncDisposable {
  port: number;
}

/** Takes TLS off and hands on to `port` of loopback. */
export function startTlsFront(
  port: number,
  { cert, key }: { cert: string; key: string },
  hostname = "127.0.0.1",
): TlsFront {
  const [certText, keyText] = [cert, key].map((path) => Deno.readTextFileSync(path)) as [string, string];
  const listener = Deno.listenTls({
    hostname,
    port: 0,
    cert: certText,
    key: keyText,
    alpnProtocols: ["h2", "http/1.1"],
  });
  const open = new Set<Deno.Conn>(), tasks = new Set<Promise<void>>();
  const close = (conn: Deno.Conn) => {
    if (!open.delete(conn)) return;
    try {
      conn.close();
    } catch { /* its other half has closed it */ }
  };
  const carry = async (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(16 << 10);
    try {
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        for (let sent = 0; sent < size;) sent += await to.write(buffer.subarray(sent, size));
      }
    } catch { /* no handshake, or gone */ }
    close(from);
    close(to);
  };
  const accepting = (async () => {
    for await (const outer of listener) {
      const inner = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(outer).add(inner);
      const task = Promise.all([carry(outer, inner), carry(inner, outer)]).then(() =>
        void tasks.delete(task)
      );
      tasks.add(task);
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of [...open]) close(conn);
      await Promise.all(tasks);
    },
  };
}

/** A server that wants a certificate of its client's, signed by `ca`, and answers any request with 200 and its CN. */
export async function startMutualPeer(
  { cert, key }: { cert: string; key: string },
  ca: string,
): Promise<TlsFront> {
  const program = `
import ssl, socket
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(${JSON.stringify(cert)}, ${
    JSON.stringify(key)
  })
c.load_verify_locations(${JSON.stringify(ca)}); c.verify_mode = ssl.CERT_REQUIRED
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
while True:
    k, _ = s.accept(); k.settimeout(5)
    try:
        t = c.wrap_socket(k, server_side=True); t.recv(4096)
        t.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok"); t.close()
    except Exception: k.close()
`;
  const child = new Deno.Command("python3", { args: ["-c", program], stdout: "piped", stderr: "null" })
    .spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  return {
    port: Number(new TextDecoder().decode(value)),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}
