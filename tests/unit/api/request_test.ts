import assert from "node:assert/strict";
import { readRequest } from "../../../lib/sys/net/http_request.ts";

const text =
  "POST /v1/stop?now=1 HTTP/1.1\r\nHost: x\r\nX-Word:  two words \r\nContent-Length: 6\r\n\r\na\r\n\r\nb";

/** Reads `bytes` in pieces of at most `size`. */
function reader(bytes: Uint8Array, size: number): (into: Uint8Array) => Promise<number | null> {
  let at = 0;
  return (into) => {
    const part = bytes.subarray(at, at + Math.min(size, into.length));
    into.set(part);
    at += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
}

const read = (bytes: Uint8Array, size: number, maxBody = 100) =>
  readRequest(reader(bytes, size), { maxBodyBytes: maxBody, chunked: false }, new AbortController().signal);

Deno.test("readRequest() reads the same however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode(text + "more that is not asked for");
  for (let size = 1; size <= bytes.length; size++) {
    const request = await read(bytes, size);
    assert.ok(request instanceof Request, `pieces of ${size}`);
    assert.equal(request.method, "POST");
    assert.equal(request.url, "http://localhost/v1/stop?now=1");
    assert.equal(request.headers.get("x-word"), "two words");
    assert.equal(await request.text(), "a\r\n\r\nb");
  }
});

Deno.test("readRequest() tells an end before the request from an end within it", async () => {
  const bytes = new TextEncoder().encode(text);
  assert.equal(await read(new Uint8Array(), 1), null);
  for (let length = 1; length < bytes.length; length++) {
    const refusal = await read(bytes.slice(0, length), 7);
    assert.ok(refusal !== null && !(refusal instanceof Request), `${length} bytes`);
    assert.equal(refusal.status, 400);
  }
});

Deno.test("readRequest() takes any byte in a body and none but text in a head", async () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const head = new TextEncoder().encode("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 256\r\n\r\n");
  const request = await read(new Uint8Array([...head, ...all]), 50, 256);
  assert.ok(request instanceof Request);
  assert.deepEqual(await request.bytes(), all);
  for (const byte of all.filter((byte) => (byte < 0x20 && byte !== 9) || byte > 0x7e)) {
    const bad = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x?\r\n\r\n");
    bad[bad.indexOf(0x3f)] = byte;
    const refusal = await read(bad, 100);
    assert.ok(refusal !== null && !(refusal instanceof Request), `byte ${byte}`);
    assert.equal(refusal.status, 400);
  }
});

Deno.test("readRequest() stops reading a refused body", async () => {
  let asked = 0;
  const bytes = new TextEncoder().encode("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  const source = reader(bytes, 1000);
  const counted = (into: Uint8Array) => (asked++, source(into));
  const refusal = await readRequest(
    counted,
    { maxBodyBytes: 100, chunked: false },
    new AbortController().signal,
  );
  assert.deepEqual(refusal, { status: 413, why: "the body is longer than 100 bytes" });
  assert.equal(asked, 1);
});
