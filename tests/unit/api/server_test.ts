import assert from "node:assert/strict";
import { serveControl } from "../../../lib/api/mod.ts";
import { LoaderError } from "../../../lib/errors.ts";
import { ask, loaderStatus, makeFolder, raw, serviceStatus, Target } from "./support.ts";

Deno.test("serveControl() tells the status", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const answer = await ask(folder.socket, "GET", "/v1/status");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  assert.equal(answer.headers.get("connection"), "close");
  assert.equal(answer.headers.get("content-length"), String(answer.text.length));
  assert.deepEqual(answer.json, loaderStatus());
  assert.equal((await ask(folder.socket, "GET", "/v1/status?pretty=1")).status, 200);
  assert.equal((await ask(folder.socket, "GET", "http://anything/v1/status")).status, 200);
});

Deno.test("serveControl() answers a restart when it is over, with the state after it", async () => {
  using folder = makeFolder();
  const target = new Target();
  const logged: string[] = [];
  await using _server = await serveControl(folder.socket, target, {
    log: (level, message) => logged.push(`${level} ${message}`),
  });
  const gate = Promise.withResolvers<boolean>();
  target.gate = gate.promise;
  let answered = false;
  const pending = ask(folder.socket, "POST", "/v1/services/tts/restart").finally(() => answered = true);
  await target.asked(1);
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
  assert.equal(answered, false);
  target.current = loaderStatus({
    services: [serviceStatus("tts", { state: "failed", problem: "exit code 7" })],
  });
  gate.resolve(false);
  const answer = await pending;
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { ok: false, state: "failed", problem: "exit code 7" });
  assert.deepEqual(target.restarts, ["tts"]);
  assert.deepEqual(logged, ["INFO Restart of tts requested on the control socket"]);
});

Deno.test("serveControl() forwards concurrent restarts, each one", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const gate = Promise.withResolvers<boolean>();
  target.gate = gate.promise;
  const pending = Array.from({ length: 10 }, () => ask(folder.socket, "POST", "/v1/services/kwd/restart"));
  await target.asked(10);
  gate.resolve(true);
  for (const answer of await Promise.all(pending)) {
    assert.deepEqual(answer.json, { ok: true, state: "up", problem: null });
  }
  assert.deepEqual(target.restarts, Array(10).fill("kwd"));
});

Deno.test("serveControl() keeps connections free of those who wait for restarts", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const gate = Promise.withResolvers<boolean>();
  target.gate = gate.promise;
  const restart = () => ask(folder.socket, "POST", "/v1/services/kwd/restart");
  const pending = Array.from({ length: 32 }, restart);
  await target.asked(32);
  const refused = await restart();
  assert.equal(refused.status, 503);
  assert.equal(refused.json.error.code, "busy");
  assert.equal((await ask(folder.socket, "POST", "/v1/stop")).status, 202);
  gate.resolve(true);
  assert.ok((await Promise.all(pending)).every((answer) => answer.json.ok === true));
  assert.equal((await restart()).status, 200);
});

Deno.test("serveControl() accepts a stop at once", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const answer = await ask(folder.socket, "POST", "/v1/stop");
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.json, { stopping: true });
  assert.deepEqual(target.stops, ["requested on the control socket"]);
});

Deno.test("serveControl() tells who uses the GPU, if the loader can", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  target.vram = () => Promise.resolve({ gpus: [{ index: 0 }] });
  const answer = await ask(folder.socket, "GET", "/v1/vram");
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { gpus: [{ index: 0 }] });
  delete target.vram;
  const without = await ask(folder.socket, "GET", "/v1/vram");
  assert.equal(without.status, 501);
  assert.equal(without.json.error.code, "not_offered");
});

Deno.test("serveControl() says which routes there are to whoever takes a wrong one", async () => {
  using folder = makeFolder();
  await using _server = await serveControl(folder.socket, new Target());
  for (
    const target of ["/", "/v1", "/v1/status/", "/v2/status", "//v1/status", "/v1/services/kwd", "/v1/%2e%2e"]
  ) {
    const answer = await ask(folder.socket, "GET", target);
    assert.equal(answer.status, 404, target);
    assert.equal(answer.json.error.code, "unknown_route");
    assert.equal(answer.json.error.hint, "GET /v1/openapi.json says what there is.");
  }
  const long = await ask(folder.socket, "GET", "/" + "x".repeat(4000));
  assert.ok(long.text.length < 500);
});

Deno.test("serveControl() checks the method", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const cases = [
    ["POST", "/v1/status", "GET"],
    ["GET", "/v1/stop", "POST"],
    ["DELETE", "/v1/stop", "POST"],
    ["OPTIONS", "/v1/stop", "POST"],
    ["GET", "/v1/services/kwd/restart", "POST"],
    ["PUT", "/v1/vram", "GET"],
  ];
  for (const [method, path, allowed] of cases) {
    const answer = await ask(folder.socket, method!, path!);
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.equal(answer.headers.get("allow")?.trim(), allowed);
    assert.equal(answer.json.error.code, "method_not_allowed");
  }
  const head = await ask(folder.socket, "HEAD", "/v1/status");
  assert.deepEqual([head.status, head.text], [405, ""]);
  assert.deepEqual([target.stops, target.restarts], [[], []]);
});

Deno.test("serveControl() does not know a service that is not there, but which was meant", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const near = await ask(folder.socket, "POST", "/v1/services/kwb/restart");
  assert.equal(near.status, 404);
  assert.deepEqual(near.json.error, {
    code: "unknown_service",
    message: 'there is no service "kwb"',
    hint: "Did you mean kwd?",
  });
  const names = [
    "something_else",
    "%00",
    "%ff",
    "%",
    "..%2f..%2fetc",
    "__proto__",
    "constructor",
    "x".repeat(3000),
    "",
  ];
  for (const name of names) {
    const far = await ask(folder.socket, "POST", `/v1/services/${name}/restart`);
    assert.equal(far.status, 404, name);
    assert.equal(far.json.error.code, "unknown_service");
    assert.equal(far.json.error.hint, "Services: kwd, tts.");
    assert.ok(far.text.length < 400);
  }
  assert.deepEqual(target.restarts, []);
});

Deno.test("serveControl() tells an expected failure in full and an unexpected one only to the log", async () => {
  using folder = makeFolder();
  const target = new Target();
  const logged: string[] = [];
  await using _server = await serveControl(folder.socket, target, {
    log: (level, message) => logged.push(`${level} ${message}`),
  });
  target.vram = () => Promise.reject(new LoaderError("gpu_missing", "no GPU any more", { hint: "look" }));
  const expected = await ask(folder.socket, "GET", "/v1/vram");
  assert.equal(expected.status, 409);
  assert.deepEqual(expected.json.error, { code: "gpu_missing", message: "no GPU any more", hint: "look" });
  assert.deepEqual(logged, []);
  target.vram = () => {
    throw new Error("a secret detail");
  };
  const unexpected = await ask(folder.socket, "GET", "/v1/vram");
  assert.equal(unexpected.status, 500);
  assert.equal(unexpected.json.error.code, "internal");
  assert.ok(!unexpected.text.includes("secret"));
  assert.deepEqual(logged, ["ERROR Control request failed: a secret detail"]);
});

Deno.test("serveControl() takes a request however it is cut, and its body", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const body = '{"why": "bored"}';
  const text = `POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  using conn = await Deno.connect({ transport: "unix", path: folder.socket });
  for (const byte of new TextEncoder().encode(text)) await conn.write(Uint8Array.of(byte));
  const first = new Uint8Array(100);
  const size = await conn.read(first);
  assert.match(new TextDecoder().decode(first.subarray(0, size!)), /^HTTP\/1\.1 202 /);
  assert.deepEqual(target.stops.length, 1);
});

Deno.test("serveControl() takes the largest body and refuses a larger one", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const stop = (length: number) =>
    raw(
      folder.socket,
      `POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`,
    );
  assert.equal((await stop(64 * 1024)).status, 202);
  for (const length of [64 * 1024 + 1, 4 << 20]) {
    const answer = await stop(length);
    assert.equal(answer.status, 413);
    assert.equal(answer.json.error.code, "body_too_large");
  }
  assert.equal(target.stops.length, 1);
});
