import assert from "node:assert/strict";
import { connectTcp, isLoopback, TcpError, type TcpErrorKind } from "../../../lib/sys/net/tcp.ts";
import { closingPeer, freePort, send, silentPeer, startTcpPeer } from "../../support/peers/tcp_peer.ts";

const signal = new AbortController().signal;

async function kindOf(promise: Promise<unknown>): Promise<TcpErrorKind> {
  const error = await promise.then(() => null, (reason) => reason);
  assert.ok(error instanceof TcpError, `expected a TcpError, got ${error}`);
  return error.kind;
}

Deno.test("connectTcp() carries bytes both ways, and sees the end", async () => {
  await using echo = startTcpPeer(async (conn) => {
    const buffer = new Uint8Array(1 << 16);
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      await send(conn, buffer.subarray(0, n));
      return;
    }
  });
  using stream = await connectTcp("127.0.0.1", echo.port, signal);
  await stream.write(new TextEncoder().encode("hello"));
  const into = new Uint8Array(100);
  const size = await stream.read(into);
  assert.equal(new TextDecoder().decode(into.subarray(0, size!)), "hello");
  assert.equal(await stream.read(into), null);
});

Deno.test("connectTcp() writes all of what does not fit into the socket at once", async () => {
  let received = 0;
  const whole = Promise.withResolvers<void>();
  await using sink = startTcpPeer(async (conn) => {
    const buffer = new Uint8Array(1 << 16);
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) received += n;
    whole.resolve();
  });
  {
    using stream = await connectTcp("127.0.0.1", sink.port, signal);
    await stream.write(new Uint8Array(8 << 20));
  }
  await whole.promise;
  assert.equal(received, 8 << 20);
});

Deno.test("connectTcp() sorts errors by what a caller can do", async () => {
  assert.equal(await kindOf(connectTcp("127.0.0.1", freePort(), signal)), "refused");
  assert.equal(await kindOf(connectTcp("nobody.invalid", 80, signal)), "unreachable");
  assert.equal(await kindOf(connectTcp("127.0.0.1", 80, AbortSignal.abort("no"))), "aborted");
});

Deno.test("connectTcp() wakes a pending read when the signal is aborted, and keeps its reason", async () => {
  await using silent = silentPeer();
  const caller = new AbortController();
  using stream = await connectTcp("127.0.0.1", silent.port, caller.signal);
  const reading = stream.read(new Uint8Array(10));
  caller.abort("enough");
  const error = await reading.then(() => null, (reason) => reason);
  assert.ok(error instanceof TcpError);
  assert.deepEqual([error.kind, error.cause], ["aborted", "enough"]);
});

Deno.test("connectTcp() reports a broken connection as reset", async () => {
  await using closing = closingPeer();
  using stream = await connectTcp("127.0.0.1", closing.port, signal);
  // The first write after the other side is gone may still fit into the socket; one of the next cannot.
  const writing = (async () => {
    for (let i = 0; i < 1000; i++) await stream.write(new Uint8Array(1 << 16));
  })();
  assert.equal(await kindOf(writing), "reset");
});

Deno.test("isLoopback() knows this machine's own addresses only", () => {
  for (
    const host of [
      "127.0.0.1",
      "127.8.9.1",
      "localhost",
      "LOCALHOST",
      "[::1]",
      "::1",
      "::ffff:127.0.0.1",
      "0.0.0.0",
    ]
  ) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ["10.0.0.1", "127.example.org", "localhost.example.org", "[::2]", "1127.0.0.1", ""]) {
    assert.ok(!isLoopback(host), host);
  }
});
