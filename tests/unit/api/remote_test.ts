import assert from "node:assert/strict";
import { serveRemote } from "../../../lib/api/remote.ts";
import { systemClock as clock } from "../../../lib/sys/clock.ts";
import { httpRequest } from "../../../lib/sys/net/http.ts";
import { Authority, needsOpenssl, noOpenssl } from "../../support/peers/tls_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { loaderStatus } from "./support.ts";

withProcesses.test({
  name:
    `the API for other machines answers over TLS to whoever has the token, and tells of others once${needsOpenssl}`,
  ignore: noOpenssl,
  async fn() {
    using ours = new Authority();
    const { cert, key } = ours.sign("box", "IP:127.0.0.1");
    const told: string[] = [];
    const stopped: string[] = [];
    const target = {
      status: () => loaderStatus(),
      restart: () => Promise.resolve(true),
      stop: (reason: string) => void stopped.push(reason),
    };
    const token = "a-token-of-sixteen-and-more";
    await using server = serveRemote(target, {
      ...{
        host: "127.0.0.1",
        port: 0,
        token,
        clock,
        log: (_: string, message: string) => void told.push(message),
      },
      tls: { cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) },
    });
    const ask = async (
      authorization: string | null,
      method = "GET",
      path = "/v1/status",
      scheme = "https",
    ) => {
      const { status } = await httpRequest(`${scheme}://127.0.0.1:${server.port}${path}`, {
        method,
        headers: authorization === null ? {} : { authorization },
        link: { tls: { caFile: ours.ca }, connectMs: 1500 },
        ...{ signal: new AbortController().signal, timeoutMs: 3000, maxBytes: 1 << 16 },
      });
      return status;
    };
    assert.equal(await ask(`Bearer ${token}`), 200);
    for (const wrong of [null, "", "Bearer ", `Bearer ${token}x`, `Basic ${token}`, token]) {
      assert.equal(await ask(wrong), 401);
      assert.equal(await ask(wrong, "POST", "/v1/stop"), 401);
    }
    assert.deepEqual(stopped, []);
    assert.equal(told.length, 1);
    assert.ok(!told.join().includes(token));
    await assert.rejects(
      () => ask(`Bearer ${token}`, "GET", "/v1/status", "http"),
      "without TLS there is no answer",
    );
    assert.equal(await ask(`Bearer ${token}`), 200, "and whoever tries does no harm");
  },
});
