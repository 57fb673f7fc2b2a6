import assert from "node:assert/strict";
import { connectControl, serveControl } from "../../../lib/api/mod.ts";
import { EventRing } from "../../../lib/api/event_ring.ts";
import { events } from "../../../lib/api/routes/events.ts";
import { logs } from "../../../lib/api/routes/logs.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ask, makeFolder, raw, Target } from "./support.ts";

const ring = (count: number) => {
  const made = new EventRing("0123456789abcdef");
  for (let i = 1; i <= count; i++) made.note({ fact: "degraded", text: `${i}` }, new Date(0));
  return made;
};
const texts = (made: EventRing, after: string | null) =>
  made.after(after).map(({ fact }) => fact.fact === "degraded" ? fact.text : "");

Deno.test("EventRing keeps the last 1,000, and goes on where one was", () => {
  assert.deepEqual(texts(ring(3), null), ["1", "2", "3"]);
  assert.deepEqual(texts(ring(3), "01234567.2"), ["3"]);
  assert.deepEqual(texts(ring(3), "01234567.3"), []);
  for (const other of ["fedcba98.2", "nonsense", "01234567.9", "01234567.-1", "."]) {
    assert.equal(texts(ring(3), other).length, 3, other);
  }
  const full = ring(12_345);
  assert.equal(texts(full, null).length, 1000);
  assert.deepEqual([texts(full, null)[0], texts(full, null).at(-1)], ["11346", "12345"]);
  assert.deepEqual(texts(full, "01234567.12344"), ["12345"]);
});

Deno.test("GET /v1/events tells what was and what comes, goes on by id, and beats", async () => {
  using folder = makeFolder();
  const target = new Target(), clock = target.clock = new FakeClock();
  const happened = target.events = ring(2);
  await using _server = await serveControl(folder.socket, target);
  const once = await ask(folder.socket, "GET", "/v1/events?follow=false");
  assert.equal(once.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.match(
    once.text,
    /^: alexa-loader\n\nid: 01234567\.1\nevent: degraded\ndata: \{"at":"1970-01-01T00:00:00\.000Z","fact":"degraded","text":"1"\}\n\nid: 01234567\.2\n/,
  );
  const later = await raw(
    folder.socket,
    "GET /v1/events?follow=false HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 01234567.1\r\n\r\n",
  );
  assert.ok(!later.text.includes('"text":"1"') && later.text.includes('"text":"2"'));

  const end = new AbortController();
  const lines = connectControl(folder.socket).lines(events, {
    query: { after: "01234567.2" },
    signal: end.signal,
  });
  assert.equal((await lines.next()).value, ": alexa-loader");
  await lines.next();
  const coming = lines.next();
  while (clock.pending === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await clock.advance(15_000);
  assert.equal((await coming).value, ":");
  await lines.next();
  const id = lines.next();
  happened.note({ fact: "degraded", text: "3" }, new Date(0));
  assert.equal((await id).value, "id: 01234567.3");
  end.abort(new Error("enough"));
  await assert.rejects(
    lines.next().then(() => lines.next()).then(() => lines.next()).then(() => lines.next()),
    /enough/,
  );
  while (clock.pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});

Deno.test("streams leave connections to others, and give theirs back though nothing is to be told", async () => {
  using folder = makeFolder();
  const target = new Target();
  target.clock = new FakeClock();
  target.events = ring(1);
  await using _server = await serveControl(folder.socket, target);
  const open = async () => {
    const conn = await Deno.connect({ transport: "unix", path: folder.socket });
    await conn.write(new TextEncoder().encode("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"));
    const head = new Uint8Array(12);
    await conn.read(head);
    return { conn, status: new TextDecoder().decode(head) };
  };
  const streams = [];
  for (let i = 0; i < 24; i++) streams.push(await open());
  assert.ok(streams.every(({ status }) => status === "HTTP/1.1 200"));
  const late = await open();
  assert.equal(late.status, "HTTP/1.1 503");
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
  late.conn.close();
  streams[0]!.conn.close();
  let again = await open();
  while (again.status !== "HTTP/1.1 200") {
    again.conn.close();
    again = await open();
  }
  again.conn.close();
  streams.forEach(({ conn }) => {
    try {
      conn.close();
    } catch { /* the first one is */ }
  });
});

Deno.test("GET /v1/logs: of one service, by pattern; a wrong pattern and a path are refused", async () => {
  using folder = makeFolder();
  const target = new Target();
  target.clock = new FakeClock();
  target.logFolder = folder.path;
  await using _server = await serveControl(folder.socket, target);
  const line = (message: string) => `2026-01-01T00:00:00.000Z KWD      INFO = ${message}\n`;
  Deno.writeTextFileSync(`${folder.path}/kwd.log`, line("one") + line("two"));
  const answer = await ask(folder.socket, "GET", "/v1/logs?service=kwd&grep=%5Et&tail=5");
  assert.equal(answer.text, '{"at":"2026-01-01T00:00:00.000Z","tag":"KWD","level":"INFO","message":"two"}\n');
  const bad = await ask(folder.socket, "GET", "/v1/logs?grep=(");
  assert.deepEqual([bad.status, bad.json.error.code], [400, "bad_parameter"]);
  for (const name of ["..%2f..%2fetc%2fpasswd", "nobody", "combined"]) {
    assert.equal((await ask(folder.socket, "GET", `/v1/logs?service=${name}`)).status, 404, name);
  }
  assert.equal((await ask(folder.socket, "GET", `/v1/logs?grep=${"x".repeat(300)}`)).status, 400);
  const client = connectControl(folder.socket);
  const lines = [];
  for await (const each of client.lines(logs, { query: { tail: 1 } })) lines.push(each);
  assert.equal(lines.length, 1);
  await assert.rejects(client.lines(logs, { query: { service: "kwb" } }).next(), /no service "kwb"/);
});
