/** Warm-ups and controls of a service elsewhere take the same TLS and token as its readiness. CONTRACT §1, §4, §5. */
import assert from "node:assert/strict";
import { kindOf } from "../../../lib/controls/kinds.ts";
import { systemClock as clock } from "../../../lib/sys/clock.ts";
import { runCommand as run } from "../../../lib/sys/process/command.ts";
import { runWarmup } from "../../../lib/warmups/mod.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { Authority, needsOpenssl, noOpenssl, startTlsFront } from "../../support/peers/tls_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";

withProcesses.test({
  name:
    `a warm-up and a control verb go over TLS with the token, and say what is wrong with it${needsOpenssl}`,
  ignore: noOpenssl,
  async fn() {
    using ours = new Authority();
    await using web = startHttpPeer(({ headers }) =>
      headers.get("authorization") === "Bearer right"
        ? Response.json({ choices: [{}], paused: true })
        : Response.json({ error: "not you" }, { status: 403 })
    );
    await using front = startTlsFront(web.port, ours.sign("box", "IP:127.0.0.1"));
    const file = ours.write("token", "right");
    const link = { tls: { caFile: ours.ca }, token: { file }, connectMs: 1500 };
    const url = `https://127.0.0.1:${front.port}`;
    const { signal } = new AbortController();
    const openai = { kind: "openai", url, model: "m", api: "chat", tokens: 1 };
    const warm = (spec: Record<string, unknown> & { kind: string }) =>
      runWarmup({ ...spec, timeoutMs: 3000, runs: 1, required: true }, { clock, signal, run, link });
    const control = { kind: "http", url };
    const ask = { clock, run, signal, timeoutMs: 3000, scratch: ours.dir, link };
    const pause = () => kindOf(control).mute!(control, "pause", "greeting", ask);

    assert.equal((await warm(openai)).state, "warmed");
    assert.equal((await pause()).state, "ok");
    Deno.writeTextFileSync(file, "wrong");
    const refused =
      `403: it does not accept the token in ${file} (token_file), or that may not do this; put the right one there`;
    assert.deepEqual(await warm(openai), { state: "failed", detail: `${url}: ${refused}` });
    assert.deepEqual(await pause(), { state: "failed", detail: `/control/pause: ${refused}` });
  },
});
