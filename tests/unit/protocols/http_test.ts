import assert from "node:assert/strict";
import fc from "fast-check";
import { HttpError, httpRequest } from "../../../lib/sys/net/http.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import {
  answering,
  closingPeer,
  endlessPeer,
  freePort,
  send,
  silentPeer,
  startTcpPeer,
} from "../../support/peers/tcp_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";

const signal = new AbortController().signal;
const usual = { signal, timeoutMs: 5000, maxBytes: 1000 };
// The client behind fetch is made once per program; make it here, where no test is held responsible for it.
await httpRequest(`https://127.0.0.1:${freePort()}/`, usual).catch(() => {});

async function errorOf(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(() => null, (reason) => reason);
  assert.ok(error instanceof HttpError, `expected an HttpError, got ${error}`);
  return error;
}

Deno.test("httpRequest() sends method, path, headers and body, and reads status and text", async () => {
  await using peer = startHttpPeer(({ body }) => new Response(`got ${body}`, { status: 202 }));
  const answer = await httpRequest(`${peer.origin}/control/pause?x=1`, {
    ...usual,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"reason":"grüße"}`,
  });
  assert.equal(answer.status, 202);
  assert.equal(answer.text, `got {"reason":"grüße"}`);
  assert.equal(answer.truncated, false);
  assert.ok(answer.ms > 0);
  const { method, path, headers } = peer.asked[0]!;
  assert.deepEqual([method, path, headers.get("content-type")], [
    "POST",
    "/control/pause?x=1",
    "application/json",
  ]);
  assert.equal(headers.get("host"), `127.0.0.1:${peer.port}`);
});

Deno.test("httpRequest() reads chunked bodies of any shape", async () => {
  const chunks = fc.array(fc.string({ minLength: 1, maxLength: 50 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 30 }), async (parts, split) => {
      const encoder = new TextEncoder();
      const frames = parts.map((part) => `${encoder.encode(part).length.toString(16)};ext=1\r\n${part}\r\n`)
        .join("");
      const raw = encoder.encode(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${frames}0\r\n\r\n`);
      await using peer = startTcpPeer(async (conn) => {
        await conn.read(new Uint8Array(4096));
        conn.setNoDelay();
        for (let at = 0; at < raw.length; at += split) await send(conn, raw.subarray(at, at + split));
      });
      const answer = await httpRequest(`http://127.0.0.1:${peer.port}/`, usual);
      assert.equal(answer.text, parts.map((part) => new TextDecoder().decode(encoder.encode(part))).join(""));
    }),
    { numRuns: 25 },
  );
});

Deno.test("httpRequest() keeps maxBytes of a longer body, and drains it only when asked", async () => {
  await using peer = startHttpPeer(() => new Response("x".repeat(100_000)));
  const cut = await httpRequest(peer.origin, { ...usual, maxBytes: 10 });
  assert.deepEqual([cut.text, cut.truncated], ["xxxxxxxxxx", true]);
  const drained = await httpRequest(peer.origin, { ...usual, maxBytes: 10, drain: true });
  assert.deepEqual([drained.text, drained.bytes, drained.truncated], ["xxxxxxxxxx", 100_000, true]);
  const exact = await httpRequest(peer.origin, { ...usual, maxBytes: 100_000 });
  assert.equal(exact.truncated, false);
});

Deno.test("httpRequest() needs no body when maxBytes is 0", async () => {
  await using stalling = startTcpPeer(async (conn) => {
    await conn.read(new Uint8Array(4096));
    await send(conn, "HTTP/1.1 503 Loading\r\nContent-Length: 100\r\n\r\n");
    await conn.read(new Uint8Array(1));
  });
  const answer = await httpRequest(`http://127.0.0.1:${stalling.port}/`, { ...usual, maxBytes: 0 });
  assert.equal(answer.status, 503);
});

Deno.test("httpRequest() follows no redirect", async () => {
  await using peer = startHttpPeer(() =>
    new Response(null, { status: 302, headers: { location: "/elsewhere" } })
  );
  assert.equal((await httpRequest(peer.origin, usual)).status, 302);
  assert.equal(peer.asked.length, 1);
});

Deno.test("httpRequest() passes interim answers over, and takes bare line feeds", async () => {
  await using peer = answering("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200\nA: b\n\nhello");
  assert.equal((await httpRequest(`http://127.0.0.1:${peer.port}/`, usual)).text, "hello");
});

Deno.test("httpRequest() takes the answer of a server that did not read the whole request", async () => {
  await using peer = startTcpPeer(async (conn) => {
    await conn.read(new Uint8Array(16));
    await send(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    await conn.closeWrite();
    await conn.read(new Uint8Array(16));
  });
  const body = "x".repeat(100);
  const answer = await httpRequest(`http://127.0.0.1:${peer.port}/`, { ...usual, method: "POST", body });
  assert.equal(answer.status, 413);
});

Deno.test("httpRequest() says why there is no answer", async () => {
  await using silent = silentPeer();
  await using closing = closingPeer();
  await using garbage = answering("220 mail.example ESMTP\r\n");
  await using binary = answering(Uint8Array.from({ length: 500 }, (_, i) => i % 256));
  await using bigHead = endlessPeer("HTTP/1.1 200 OK\r\n", `X-Filler: ${"y".repeat(1000)}\r\n`);
  await using endlessLine = endlessPeer("HTTP/1.1 200 OK\r\nA: ", "y".repeat(10_000));
  await using cut = answering("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort");
  await using badLength = answering("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nshort");
  await using badChunk = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n");
  await using longChunk = answering(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
  );
  const kinds = async (port: number) =>
    (await errorOf(
      httpRequest(`http://127.0.0.1:${port}/`, { ...usual, timeoutMs: port === silent.port ? 100 : 5000 }),
    ))
      .kind;
  assert.equal(await kinds(freePort()), "refused");
  assert.equal(await kinds(silent.port), "timeout");
  assert.equal(await kinds(closing.port), "reset");
  for (const peer of [garbage, binary, bigHead, endlessLine, badLength, badChunk, longChunk]) {
    assert.equal(await kinds(peer.port), "garbage");
  }
  assert.equal(await kinds(cut.port), "reset");
});

Deno.test("httpRequest() keeps its memory against an endless body, and its time while draining one", async () => {
  await using peer = endlessPeer("HTTP/1.1 200 OK\r\n\r\n", "z".repeat(50_000));
  const url = `http://127.0.0.1:${peer.port}/`;
  const answer = await httpRequest(url, { ...usual, maxBytes: 100 });
  assert.deepEqual([answer.text.length, answer.truncated], [100, true]);
  const error = await errorOf(httpRequest(url, { ...usual, maxBytes: 100, drain: true, timeoutMs: 100 }));
  assert.equal(error.kind, "timeout");
});

Deno.test("httpRequest() rejects with the caller's reason, before and during", async () => {
  await using silent = silentPeer();
  const url = `http://127.0.0.1:${silent.port}/`;
  const caller = new AbortController();
  const asking = httpRequest(url, { ...usual, signal: caller.signal });
  caller.abort(new Error("stop"));
  await assert.rejects(asking, /^Error: stop$/);
  await assert.rejects(httpRequest(url, { ...usual, signal: caller.signal }), /^Error: stop$/);
});

withProcesses.test("httpRequest() asks loopback itself, past any proxy", async () => {
  await using peer = startHttpPeer(() => new Response("direct"));
  const script = `
    import { httpRequest } from ${
    JSON.stringify(new URL("../../../lib/sys/net/http.ts", import.meta.url).href)
  };
    const signal = new AbortController().signal;
    console.log((await httpRequest("${peer.origin}/", { signal, timeoutMs: 5000, maxBytes: 100 })).text);
  `;
  const dead = `http://127.0.0.1:${freePort()}`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    env: { HTTP_PROXY: dead, http_proxy: dead, ALL_PROXY: dead, NO_PROXY: "", no_proxy: "" },
    stderr: "inherit",
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "direct\n");
});

Deno.test("httpRequest() refuses to send a header with a line break", async () => {
  await using peer = startHttpPeer(() => new Response());
  await errorOf(httpRequest(peer.origin, { ...usual, headers: { "x-a": "b\r\nx-evil: 1" } }));
  assert.equal(peer.asked.length, 0);
});

Deno.test("httpRequest() goes over fetch for https, with the same errors", async () => {
  await using closing = closingPeer();
  assert.equal((await errorOf(httpRequest(`https://127.0.0.1:${freePort()}/`, usual))).kind, "refused");
  await using silent = silentPeer();
  const error = await errorOf(httpRequest(`https://127.0.0.1:${silent.port}/`, { ...usual, timeoutMs: 100 }));
  assert.equal(error.kind, "timeout");
  assert.equal((await errorOf(httpRequest(`https://127.0.0.1:${closing.port}/`, usual))).kind, "reset");
  await using plain = answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  assert.equal(
    (await errorOf(httpRequest(`https://127.0.0.1:${plain.port}/`, usual))).kind,
    "untrusted",
    "no TLS there",
  );
});
