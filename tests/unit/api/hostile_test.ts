import assert from "node:assert/strict";
import { serveControl } from "../../../lib/api/mod.ts";
import { HttpServer } from "../../../lib/sys/net/http_server.ts";
import { bindPrivateSocket } from "../../../lib/sys/net/private_socket.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { askAs } from "../../support/ask_as.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { ask, loaderStatus, makeFolder, raw, readAll, Target } from "./support.ts";

const connect = (path: string) => Deno.connect({ transport: "unix", path });
const send = (conn: Deno.Conn, text: string) => conn.write(new TextEncoder().encode(text));

/** Lets the server, which runs in this program, take in what was sent: until `done` holds. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("serveControl() refuses what is not a request that it could serve", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const cases: [name: string, bytes: string | Uint8Array, status: number][] = [
    ["a TLS hello", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), 400],
    ["zeros", new Uint8Array(100), 400],
    ["words", "hello there\r\n\r\n", 400],
    ["HTTP/0.9", "GET /v1/status\r\n\r\n", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a small method", "post /v1/stop HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["a method that fetch forbids", "TRACE /v1/stop HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["no path", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["no host", "POST /v1/stop HTTP/1.1\r\n\r\n", 400],
    ["a blank in a header's name", "POST /v1/stop HTTP/1.1\r\nHost : x\r\n\r\n", 400],
    ["a folded header", "POST /v1/stop HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400],
    ["a lone line feed", "POST /v1/stop HTTP/1.1\nHost: x\r\n\r\n", 400],
    ["a negative length", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400],
    [
      "two lengths",
      "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
      400,
    ],
    ["a huge length", `POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: ${"9".repeat(40)}\r\n\r\n`, 400],
    ["a large length", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", 413],
    ["chunks", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411],
    ["a long head", `POST /v1/stop HTTP/1.1\r\nHost: ${"x".repeat(9000)}\r\n\r\n`, 431],
    ["a head without end", "x".repeat(100_000), 431],
    ["many headers", `POST /v1/stop HTTP/1.1\r\nHost: x\r\n${"a: b\r\n".repeat(100)}\r\n`, 431],
  ];
  for (const [name, bytes, status] of cases) {
    const answer = await raw(folder.socket, bytes);
    assert.equal(answer.status, status, name);
    assert.equal(typeof answer.json.error.message, "string", name);
  }
  assert.deepEqual(target.stops, []);
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
});

withProcesses.test({
  name: "serveControl() refuses another user, who could reach the socket, and says so once",
  ignore: Deno.uid() !== 0, // only root can be another
  async fn() {
    using folder = makeFolder();
    const target = new Target(), lines: string[] = [];
    const log = (level: string, message: string) => void lines.push(`${level} ${message}`);
    await using _server = await serveControl(folder.socket, target, { log });
    Deno.chmodSync(folder.path, 0o755);
    Deno.chmodSync(`${folder.path}/run`, 0o755);
    Deno.chmodSync(folder.socket, 0o666);
    for (const uid of [65534, 65534, 12345]) {
      const answer = await askAs(uid, folder.socket);
      assert.match(answer, /^HTTP\/1\.1 403 /);
      assert.match(answer, /"code":"forbidden"/);
    }
    assert.deepEqual(target.stops, []);
    assert.deepEqual(lines, [
      "WARNING Control request refused: user 65534 may not ask (others of this kind are not told)",
      "WARNING Control request refused: user 12345 may not ask (others of this kind are not told)",
    ]);
    assert.match(await askAs(0, folder.socket), /^HTTP\/1\.1 202 /);
  },
});

Deno.test("serveControl() tells each kind of refusal once, and nothing changes", async () => {
  using folder = makeFolder();
  const clock = new FakeClock();
  const target = new Target(), lines: string[] = [];
  const log = (level: string, message: string) => void lines.push(`${level} ${message}`);
  await using _server = await serveControl(folder.socket, target, { clock, log });
  const post = (more: string) => `POST /v1/stop HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  for (let round = 0; round < 3; round++) {
    assert.equal((await raw(folder.socket, post("Content-Length: 70000\r\n"))).status, 413);
    await until(() => clock.pending === 0);
    const half = raw(folder.socket, post("Content-Length: 9\r\n") + "half");
    await until(() => clock.pending === 1);
    await clock.advance(5000);
    assert.equal((await half).status, 0);
    assert.equal((await raw(folder.socket, "nonsense\r\n\r\n")).status, 400);
    for (const path of ["/v1/../../etc/passwd", "/v1/services/..%2f..%2fstop", "/v1/boots/../stop?"]) {
      const { status } = await ask(folder.socket, "GET", path);
      assert.ok(status === 404 || status === 405, path);
    }
    assert.equal((await ask(folder.socket, "GET", "/v1/boots?last=%00")).status, 400);
  }
  assert.deepEqual([target.stops, target.restarts], [[], []]);
  assert.deepEqual(lines.map((line) => line.replace(/ \(others .*/, "")), [
    "WARNING Control request refused: the body is longer than 65536 bytes",
    "WARNING Control request refused: the request did not arrive within 5 s",
    "WARNING Control request refused: this is not an HTTP/1.1 request",
    'WARNING Control request refused: there is nothing at "/etc/passwd"',
    'WARNING Control request refused: "/v1/stop" does not take GET',
    "WARNING Control request refused: last: Invalid input: expected number, received string",
  ]);
});

Deno.test("serveControl() survives peers that go away at any moment", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const text = "POST /v1/services/kwd/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345";
  for (let length = 0; length < text.length; length++) {
    using conn = await connect(folder.socket);
    if (length > 0) await send(conn, text.slice(0, length));
    if (length % 2 === 0) {
      await conn.closeWrite();
      assert.match(await readAll(conn), length === 0 ? /^$/ : /^HTTP\/1\.1 400 /);
    }
  }
  assert.deepEqual(target.restarts, []);
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
});

Deno.test("serveControl() survives mutated requests", async () => {
  using folder = makeFolder();
  await using _server = await serveControl(folder.socket, new Target());
  // A small generator of its own, so that every run sends the same.
  let seed = 20260101;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const good = new TextEncoder().encode(
    "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
  );
  for (let round = 0; round < 300; round++) {
    const bytes = good.slice(0, 1 + random(good.length));
    for (let edits = random(4); edits > 0; edits--) bytes[random(bytes.length)] = random(256);
    using conn = await connect(folder.socket);
    await conn.write(bytes);
    await conn.closeWrite();
    assert.match(await readAll(conn), /^HTTP\/1\.1 (200|400|404|405|411|413|431) /, String(round));
  }
});

Deno.test("serveControl() ends a request that takes longer than 5 s to arrive", async () => {
  using folder = makeFolder();
  const clock = new FakeClock();
  await using _server = await serveControl(folder.socket, new Target(), { clock });
  for (
    const part of ["", "GET /v1/sta", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123"]
  ) {
    using conn = await connect(folder.socket);
    if (part !== "") await send(conn, part);
    await until(() => clock.pending === 1);
    await clock.advance(4999);
    if (part !== "") await send(conn, "4");
    assert.equal(clock.pending, 1, "one more byte buys no more time");
    const rest = readAll(conn);
    await clock.advance(1);
    assert.equal(await rest, "");
    assert.equal(clock.pending, 0);
  }
});

Deno.test("serveControl() ends a peer that does not take its answer", async () => {
  using folder = makeFolder();
  const clock = new FakeClock();
  const target = new Target();
  const length = 8 << 20;
  target.current = loaderStatus({ degraded: "x".repeat(length) });
  await using _server = await serveControl(folder.socket, target, { clock });
  using conn = await connect(folder.socket);
  await send(conn, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
  const begin = new Uint8Array(1);
  await conn.read(begin);
  // The socket's buffer is full once the server waits with a timer of its own.
  await until(() => clock.pending === 1);
  await clock.advance(5000);
  await until(() => clock.pending === 0);
  const text = await readAll(conn);
  assert.ok(text.length > 0 && text.length < length, `${text.length} characters`);
});

Deno.test("serveControl() serves a newcomer although idle peers take all connections", async () => {
  using folder = makeFolder();
  await using _server = await serveControl(folder.socket, new Target());
  const idle: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 200; i++) {
      const conn = await connect(folder.socket);
      idle.push(conn);
      await send(conn, "GET /v1/sta");
    }
    assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
    // 200 and the newcomer into 64 places: the 137 oldest had to go.
    for (const conn of idle.slice(0, 137)) assert.equal(await readAll(conn), "");
    await send(idle[199]!, "tus HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.match(await readAll(idle[199]!), /^HTTP\/1\.1 200 /);
  } finally {
    for (const conn of idle) conn.close();
  }
});

Deno.test("HttpServer refuses a newcomer when everybody is being served", async () => {
  using folder = makeFolder();
  const gate = Promise.withResolvers<Response>();
  let served = 0;
  await using _server = new HttpServer(await bindPrivateSocket(folder.socket), {
    handler: () => {
      served++;
      return gate.promise.then((response) => response.clone());
    },
    refuse: ({ status, why }) => new Response(why, { status }),
    maxConnections: 2,
  });
  const first = ask(folder.socket, "GET", "/");
  const second = ask(folder.socket, "GET", "/");
  await until(() => served === 2);
  const third = await ask(folder.socket, "GET", "/");
  assert.deepEqual([third.status, third.text], [503, "too many connections"]);
  gate.resolve(new Response("done"));
  assert.deepEqual([(await first).text, (await second).text], ["done", "done"]);
  assert.equal((await ask(folder.socket, "GET", "/")).text, "done");
});

Deno.test("HttpServer takes so many connections a second, and the others when it is their turn", async () => {
  using folder = makeFolder();
  const clock = new FakeClock();
  const path = folder.socket;
  await using _server = new HttpServer(await bindPrivateSocket(path), {
    clock,
    perSecond: 10,
    handler: () => new Response("x"),
    refuse: ({ status }) => new Response(null, { status }),
  });
  let answered = 0;
  const all = Array.from(
    { length: 25 },
    () => raw(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").then(() => answered++),
  );
  await until(() => answered === 20);
  await clock.advance(100);
  await until(() => answered === 21);
  while (answered < 25) await clock.advance(100);
  await Promise.all(all);
});
