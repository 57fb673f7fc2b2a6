/** Services elsewhere: TLS and tokens of a readiness, against real TLS servers. CONTRACT §1, §2. */
import assert from "node:assert/strict";
import type { Link, ProbeSpec } from "../../../lib/model/plan.ts";
import { createProbe, type ProbeResult } from "../../../lib/probes/mod.ts";
import { healthClient } from "../../../lib/protocols/grpc_health.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";
import { startGrpcPeer } from "../../support/peers/grpc_health_peer.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { answering, silentPeer } from "../../support/peers/tcp_peer.ts";
import {
  Authority,
  needsOpenssl,
  noOpenssl,
  startMutualPeer,
  startTlsFront,
} from "../../support/peers/tls_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { withoutPython } from "../demo/python.ts";
import { never, TestTarget } from "./support.ts";

const linkTo = (link: Partial<Link>): Link => ({ connectMs: 1500, ...link });

async function check(spec: ProbeSpec, link?: Link): Promise<ProbeResult> {
  using probe = createProbe(spec, new TestTarget(), { clock: systemClock, run: runCommand, link });
  return await probe.check({ signal: never, timeoutMs: 5000 });
}

const http = (url: string) => ({ type: "http", url, expectCode: 200, expectJson: null });
const grpc = (port: number) => ({ type: "grpc", target: `127.0.0.1:${port}`, service: "" });
const wyoming = (port: number) => ({ type: "wyoming", host: "127.0.0.1", port, expect: {} });
const tcp = (port: number) => ({ type: "tcp", host: "127.0.0.1", port });
const info = `{"type":"info"}\n`;
const test = (name: string, fn: () => Promise<void>) =>
  withProcesses.test({ name: name + needsOpenssl, ignore: noOpenssl, fn });

test("tcp, http, wyoming and grpc are asked over TLS with an authority of one's own, by IPv4, IPv6 and name", async () => {
  using ours = new Authority();
  const box = ours.sign("box", "DNS:localhost,IP:127.0.0.1,IP:::1");
  const tls = { tls: { caFile: ours.ca } };
  await using web = startHttpPeer(() => new Response("fine"));
  await using health = await startGrpcPeer(() => ({ status: 1 }));
  await using voice = answering(info);
  await using webFront = startTlsFront(web.port, box);
  await using webFront6 = startTlsFront(web.port, box, "::1");
  await using healthFront = startTlsFront(health.port, box);
  await using voiceFront = startTlsFront(voice.port, box);
  for (const url of [`127.0.0.1:${webFront.port}`, `localhost:${webFront.port}`, `[::1]:${webFront6.port}`]) {
    assert.deepEqual(
      await check(http(`https://${url}/`), linkTo(tls)),
      { state: "ready", detail: "200" },
      url,
    );
  }
  assert.deepEqual(await check(grpc(healthFront.port), linkTo(tls)), { state: "ready", detail: "SERVING" });
  assert.deepEqual(await check(wyoming(voiceFront.port), linkTo(tls)), { state: "ready", detail: "info" });
  assert.deepEqual(await check(tcp(voiceFront.port), linkTo(tls)), { state: "ready", detail: "connected" });
});

/** All kinds that are asked over TLS; each says the same. */
async function allSay(port: number, link: Link, sentence: RegExp): Promise<void> {
  for (const spec of [http(`https://127.0.0.1:${port}/`), grpc(port), wyoming(port), tcp(port)]) {
    const { state, detail } = await check(spec, link);
    assert.equal(state, "wrong", `${spec.type}: ${detail}`);
    assert.match(detail, sentence, `${spec.type}: ${detail}`);
  }
}

test("a wrong authority, an expired certificate, a wrong name: each has its own sentence, for all kinds", async () => {
  using ours = new Authority();
  using others = new Authority();
  const tls = { caFile: ours.ca };
  await using behind = answering(info);
  await using good = startTlsFront(behind.port, ours.sign("good", "IP:127.0.0.1"));
  await using expired = startTlsFront(behind.port, ours.sign("expired", "IP:127.0.0.1", -1));
  await using named = startTlsFront(behind.port, ours.sign("named", "DNS:gpu-box"));
  await using self = startTlsFront(behind.port, { cert: ours.ca, key: `${ours.dir}/ca.key` });
  await allSay(
    good.port,
    linkTo({ tls: { caFile: others.ca } }),
    /^its certificate is signed by another authority than that of \/tmp\/ca\w+\/ca\.pem: it may be another machine; put its authority's certificate into tls\.ca_file$/,
  );
  await allSay(
    good.port,
    linkTo({ tls: {} }),
    /^its certificate is signed by nobody whom this machine trusts: .* tls\.ca_file$/,
  );
  await allSay(
    expired.port,
    linkTo({ tls }),
    /^its certificate has expired: have it renewed there, or set this machine's clock right$/,
  );
  await allSay(
    named.port,
    linkTo({ tls }),
    /^its certificate is for gpu-box, not for 127\.0\.0\.1: it may be another machine; .* tls\.server_name$/,
  );
  await allSay(self.port, linkTo({ tls }), /^its certificate is an authority's,.*CA:FALSE/);
  await allSay(
    good.port,
    linkTo({ tls: { caFile: "/none/ca.pem" } }),
    /^tls\.ca_file: \/none\/ca\.pem is not there/,
  );
  const noPem = ours.write("empty.pem", "nothing\n");
  await allSay(good.port, linkTo({ tls: { caFile: noPem } }), /^tls\.ca_file: .*empty\.pem is no PEM file$/);
  const right = await check(wyoming(named.port), linkTo({ tls: { ...tls, serverName: "gpu-box" } }));
  assert.deepEqual(right, { state: "ready", detail: "info" }, "server_name mends it");
  const public_ = await check(http(`https://127.0.0.1:${good.port}/`));
  assert.match(
    public_.detail,
    /^its certificate is signed by nobody whom this machine trusts/,
    "without a link, too",
  );
});

test("gRPC by an address holds the certificate against the address on its own connection too", async () => {
  using ours = new Authority();
  await using health = await startGrpcPeer(() => ({ status: 1 }));
  await using named = startTlsFront(health.port, ours.sign("named", "DNS:gpu-box,DNS:address.invalid"));
  await using right = startTlsFront(health.port, ours.sign("right", "IP:127.0.0.1"));
  const ask = async (port: number, link: Link) => {
    using client = healthClient(`127.0.0.1:${port}`, link);
    return (await client.check("", { signal: never, timeoutMs: 3000 })).kind;
  };
  const tls = { caFile: ours.ca };
  assert.equal(await ask(right.port, linkTo({ tls })), "serving");
  assert.equal(await ask(named.port, linkTo({ tls })), "unavailable");
  assert.equal(await ask(named.port, linkTo({ tls: { ...tls, serverName: "gpu-box" } })), "serving");
});

test("a plain server where TLS is configured, and the reverse, say what to write", async () => {
  using ours = new Authority();
  const link = linkTo({ tls: { caFile: ours.ca }, connectMs: 300 });
  await using web = answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  await using silent = silentPeer();
  await allSay(
    web.port,
    link,
    /^it answers the TLS handshake without TLS: leave out `tls` and write http for https/,
  );
  for (const spec of [http(`https://127.0.0.1:${silent.port}/`), wyoming(silent.port)]) {
    const said = await check(spec, link);
    assert.equal(said.state, "waiting");
    assert.match(
      said.detail,
      /^it took the connection, but answers no TLS handshake: it may speak without TLS/,
    );
  }
  await using front = startTlsFront(web.port, ours.sign("box", "IP:127.0.0.1"));
  const plainWeb = await check(http(`http://127.0.0.1:${front.port}/`));
  assert.deepEqual(plainWeb, { state: "wrong", detail: "it speaks TLS: write https for http" });
  const plainVoice = await check(wyoming(front.port));
  assert.equal(plainVoice.detail, "does not speak Wyoming: it speaks TLS: set `tls` of the service");
  assert.match((await check(grpc(front.port))).detail, /if it speaks TLS, set `tls` of the service/);
});

test("a server that wants a certificate of ours gets it, and says so where there is none", async () => {
  if (withoutPython) return;
  using ours = new Authority();
  using others = new Authority();
  await using peer = await startMutualPeer(ours.sign("box", "IP:127.0.0.1"), ours.ca);
  const url = `https://127.0.0.1:${peer.port}/`;
  const own = ours.sign("living", "DNS:living"), foreign = others.sign("stranger", "DNS:stranger");
  const link = ({ cert, key }: { cert: string; key: string }) =>
    linkTo({ tls: { caFile: ours.ca, certFile: cert, keyFile: key } });
  assert.deepEqual(await check(http(url), link(own)), { state: "ready", detail: "200" });
  const none = await check(http(url), linkTo({ tls: { caFile: ours.ca } }));
  assert.equal(none.detail, "it wants a certificate of ours: tls.cert_file and tls.key_file");
  const unknown = await check(http(url), link(foreign));
  assert.match(unknown.detail, /^it does not accept our certificate \(\w+\): have tls\.cert_file signed/);
  const mixed = await check(http(url), link({ cert: own.cert, key: foreign.key }));
  assert.equal(mixed.state, "wrong");
  assert.match(mixed.detail, /tls\.key_file is not the key of tls\.cert_file/);
});

Deno.test("a token goes with each request, is read anew each time, and is in no answer", async () => {
  const dir = Deno.makeTempDirSync({ dir: "/tmp", prefix: "tk" });
  try {
    const file = `${dir}/token`;
    const seen: (string | null)[] = [];
    await using web = startHttpPeer(({ headers }) => {
      const given = headers.get("authorization");
      seen.push(given);
      const ok = given === "Bearer right-token";
      return new Response(`{"you":"${given}"}`, { status: ok ? 200 : 401 });
    });
    const link = linkTo({ token: { file } });
    const ask = () => check(http(`${web.origin}/`), link);
    const denied = await ask();
    assert.deepEqual(denied, { state: "wrong", detail: `there is no token in ${file} (token_file)` });
    assert.deepEqual(seen, [], "nothing was asked without it");
    Deno.writeTextFileSync(file, "wrong-token\n");
    assert.deepEqual(await ask(), {
      state: "wrong",
      detail:
        `401: it does not accept the token in ${file} (token_file), or that may not do this; put the right one there`,
    });
    Deno.writeTextFileSync(file, "right-token\n");
    assert.deepEqual(await ask(), { state: "ready", detail: "200" });
    const json = { type: "http", url: `${web.origin}/`, expectCode: 200, expectJson: { you: "me" } };
    assert.equal((await check(json, link)).detail, `200, but you is "Bearer [token]", expected "me"`);
    Deno.writeTextFileSync(file, "two words\n");
    assert.match((await ask()).detail, /is no token: one line without spaces$/);
    const bare = await check(http(`${web.origin}/`));
    assert.equal(bare.detail, "401, expected 200: it wants a token (token_file or token_env)");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("a gRPC server gets the token as metadata, and its refusal is told without it", async () => {
  const variable = "ALEXA_TEST_LINK_TOKEN";
  Deno.env.set(variable, "grpc-token");
  try {
    const unauthenticated = 16, internal = 13;
    let code = unauthenticated;
    await using health = await startGrpcPeer(() => ({ error: code, details: "you gave grpc-token" }));
    const link = linkTo({ token: { env: variable } });
    assert.match(
      (await check(grpc(health.port), link)).detail,
      /^UNAUTHENTICATED: it does not accept the token in the variable ALEXA/,
    );
    code = internal;
    assert.equal(
      (await check(grpc(health.port), link)).detail,
      "the health check was answered with INTERNAL: you gave [token]",
    );
  } finally {
    Deno.env.delete(variable);
  }
});
