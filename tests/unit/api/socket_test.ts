import assert from "node:assert/strict";
import { serveControl } from "../../../lib/api/mod.ts";
import { LoaderError } from "../../../lib/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ask, leaveStaleSocket, makeFolder, readAll, Target } from "./support.ts";

const modeOf = (path: string) => Deno.lstatSync(path).mode! & 0o7777;
const unwritable = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LoaderError);
  assert.equal(error.code, "state_unwritable");
  assert.match(error.message, pattern);
  return true;
};

Deno.test("serveControl() makes a socket that only its owner can reach", async () => {
  using folder = makeFolder();
  await using _server = await serveControl(folder.socket, new Target());
  assert.ok(Deno.lstatSync(folder.socket).isSocket);
  assert.equal(modeOf(folder.socket), 0o600);
  assert.equal(modeOf(`${folder.path}/run`), 0o700);
});

Deno.test("serveControl() makes a folder private that was not", async () => {
  using folder = makeFolder();
  Deno.mkdirSync(`${folder.path}/run`);
  Deno.chmodSync(`${folder.path}/run`, 0o777);
  await using _server = await serveControl(folder.socket, new Target());
  assert.equal(modeOf(`${folder.path}/run`), 0o700);
});

Deno.test("serveControl() replaces a socket that a killed loader left", async () => {
  using folder = makeFolder();
  Deno.mkdirSync(`${folder.path}/run`);
  leaveStaleSocket(folder.socket);
  await assert.rejects(
    Deno.connect({ transport: "unix", path: folder.socket }),
    Deno.errors.ConnectionRefused,
  );
  await using _server = await serveControl(folder.socket, new Target());
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
});

Deno.test("serveControl() does not take the place of a loader that lives", async () => {
  using folder = makeFolder();
  const first = new Target();
  await using _server = await serveControl(folder.socket, first);
  await assert.rejects(serveControl(folder.socket, new Target()), (error: LoaderError) => {
    assert.equal(error.code, "already_running");
    assert.match(error.message, /^another loader answers at .*control\.sock$/);
    return true;
  });
  assert.equal((await ask(folder.socket, "POST", "/v1/stop")).status, 202);
  assert.equal(first.stops.length, 1);
});

Deno.test("serveControl() leaves alone what is no socket", async () => {
  using folder = makeFolder();
  Deno.mkdirSync(`${folder.path}/run`);
  const other = `${folder.path}/precious`;

  Deno.writeTextFileSync(folder.socket, "text");
  await assert.rejects(
    serveControl(folder.socket, new Target()),
    unwritable(/control\.sock: a file is in its place/),
  );
  assert.equal(Deno.readTextFileSync(folder.socket), "text");
  Deno.removeSync(folder.socket);

  Deno.mkdirSync(folder.socket);
  await assert.rejects(serveControl(folder.socket, new Target()), unwritable(/a folder is in its place/));
  Deno.removeSync(folder.socket);

  leaveStaleSocket(other);
  for (const target of [other, `${folder.path}/missing`]) {
    Deno.symlinkSync(target, folder.socket);
    await assert.rejects(
      serveControl(folder.socket, new Target()),
      unwritable(/a symbolic link is in its place/),
    );
    assert.equal(Deno.readLinkSync(folder.socket), target);
    Deno.removeSync(folder.socket);
  }
  assert.ok(Deno.lstatSync(other).isSocket);
  assert.throws(() => Deno.lstatSync(`${folder.path}/missing`), Deno.errors.NotFound);
});

Deno.test("serveControl() wants a folder that nobody else can tamper with", async () => {
  using folder = makeFolder();
  const real = `${folder.path}/elsewhere`;
  Deno.mkdirSync(real);
  Deno.symlinkSync(real, `${folder.path}/run`);
  await assert.rejects(serveControl(folder.socket, new Target()), unwritable(/run: it is a symbolic link/));
  assert.deepEqual([...Deno.readDirSync(real)], []);
  Deno.removeSync(`${folder.path}/run`);

  Deno.mkdirSync(`${folder.path}/run`);
  Deno.chmodSync(folder.path, 0o777);
  await assert.rejects(serveControl(folder.socket, new Target()), unwritable(/others may write there/));
  Deno.chmodSync(folder.path, 0o1777);
  await using _server = await serveControl(folder.socket, new Target());
});

Deno.test({
  name: "serveControl() does not use another user's folder",
  ignore: Deno.uid() !== 0,
  async fn() {
    using folder = makeFolder();
    Deno.mkdirSync(`${folder.path}/run`, { mode: 0o700 });
    Deno.chownSync(`${folder.path}/run`, 12345, null);
    await assert.rejects(
      serveControl(folder.socket, new Target()),
      unwritable(/run: it belongs to user 12345/),
    );
    Deno.chownSync(`${folder.path}/run`, 0, null);
    Deno.chownSync(folder.path, 12345, null);
    await assert.rejects(serveControl(folder.socket, new Target()), unwritable(/it belongs to user 12345/));
    Deno.chownSync(folder.path, 0, null);
  },
});

Deno.test("serveControl() says so when the path is too long for a socket", async () => {
  using folder = makeFolder();
  const path = `${folder.path}/${"x".repeat(120)}/control.sock`;
  await assert.rejects(serveControl(path, new Target()), unwritable(/SUN_LEN/));
});

Deno.test("serveControl() leaves nothing behind when it is disposed", async () => {
  using folder = makeFolder();
  const clock = new FakeClock();
  const target = new Target();
  target.gate = new Promise(() => {}); // a restart that never ends
  const server = await serveControl(folder.socket, target, { clock });
  using idle = await Deno.connect({ transport: "unix", path: folder.socket });
  await idle.write(new TextEncoder().encode("GET /v1"));
  const waiting = ask(folder.socket, "POST", "/v1/services/kwd/restart");
  await target.asked(1);

  const closed = server[Symbol.asyncDispose]();
  assert.equal(await readAll(idle), "");
  await clock.advance(249);
  const early = await Promise.race([closed.then(() => "closed"), Promise.resolve("open")]);
  assert.equal(early, "open");
  await clock.advance(1);
  await closed;
  assert.equal((await waiting).status, 0);
  assert.equal(clock.pending, 0);
  assert.deepEqual([...Deno.readDirSync(`${folder.path}/run`)], []);
  await server[Symbol.asyncDispose]();
});

Deno.test("serveControl() ends an answer under way before it is disposed", async () => {
  using folder = makeFolder();
  const target = new Target();
  const gate = Promise.withResolvers<boolean>();
  target.gate = gate.promise;
  const server = await serveControl(folder.socket, target, { clock: new FakeClock() });
  const waiting = ask(folder.socket, "POST", "/v1/services/kwd/restart");
  await target.asked(1);
  const closed = server[Symbol.asyncDispose]();
  gate.resolve(true);
  await closed;
  assert.equal((await waiting).json.ok, true);
});

Deno.test("serveControl() does not remove what took the place of its socket", async () => {
  using folder = makeFolder();
  const server = await serveControl(folder.socket, new Target());
  Deno.renameSync(folder.socket, `${folder.socket}.old`);
  await using _next = await serveControl(folder.socket, new Target());
  await server[Symbol.asyncDispose]();
  assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
});

Deno.test("serveControl() can be opened and disposed again and again", async () => {
  using folder = makeFolder();
  for (let i = 0; i < 50; i++) {
    await using _server = await serveControl(folder.socket, new Target());
    assert.equal((await ask(folder.socket, "GET", "/v1/status")).status, 200);
  }
});
