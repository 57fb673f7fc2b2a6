import assert from "node:assert/strict";
import { connectControl, serveControl } from "../../../lib/api/mod.ts";
import { LoaderError } from "../../../lib/errors.ts";
import { renderStatus } from "../../../lib/ui/status_view.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { leaveStaleSocket, loaderStatus, makeFolder, serviceStatus, Target } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

const failing = (code: string, message: RegExp, hint?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LoaderError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  if (hint) assert.match(error.hint ?? "", hint);
  return true;
};

/** Something that listens on `path` and answers every request with `bytes`, or never when null. */
function impostor(path: string, bytes: string | null): AsyncDisposable {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const listener = Deno.listen({ transport: "unix", path });
  const conns: Deno.Conn[] = [];
  const serve = async () => {
    for await (const conn of listener) {
      conns.push(conn);
      await conn.read(new Uint8Array(8192));
      if (bytes === null) continue;
      const data = new TextEncoder().encode(bytes);
      for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at)).catch(() => Infinity);
      await conn.closeWrite().catch(() => {});
    }
  };
  const served = serve();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      for (const conn of conns) conn.close();
    },
  };
}

const answer = (status: number, body: string) =>
  `HTTP/1.1 ${status} \r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;

Deno.test("connectControl() asks everything that the server answers", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const client = connectControl(folder.socket);
  assert.deepEqual(await client.status(), loaderStatus());
  assert.deepEqual(await client.restart("tts"), { ok: true, state: "up", problem: null });
  assert.deepEqual(await client.vram(), { gpus: [] });
  await client.stop();
  assert.deepEqual(target.restarts, ["tts"]);
  assert.equal(target.stops.length, 1);
});

Deno.test("connectControl() says that no loader is running, with exit code 5", async () => {
  using folder = makeFolder();
  const client = connectControl(folder.socket, { config: "config/loader.yaml" });
  const wanted = failing("not_running", /^no loader is running for config\/loader\.yaml$/, /alexa-loader up/);
  await assert.rejects(client.status(), wanted);
  Deno.mkdirSync(`${folder.path}/run`);
  leaveStaleSocket(folder.socket);
  for (
    const question of [
      () => client.status(),
      () => client.restart("kwd"),
      () => client.stop(),
      () => client.vram(),
    ]
  ) {
    await assert.rejects(question(), wanted);
    await assert.rejects(question(), (error: LoaderError) => error.exitCode === 5);
  }
});

Deno.test("connectControl() passes on what the loader says about a wrong name", async () => {
  using folder = makeFolder();
  await using _server = await serveControl(folder.socket, new Target());
  const client = connectControl(folder.socket);
  await assert.rejects(
    client.restart("kwb"),
    failing("unknown_service", /^there is no service "kwb"$/, /Did you mean kwd\?/),
  );
  await assert.rejects(client.restart("../../stop?"), failing("unknown_service", /no service/));
});

Deno.test("connectControl() passes on what the loader cannot do", async () => {
  using folder = makeFolder();
  const target = new Target();
  delete target.vram;
  await using _server = await serveControl(folder.socket, target);
  await assert.rejects(
    connectControl(folder.socket, { config: "a.yaml" }).vram(),
    failing("control_failed", /^the loader of a\.yaml cannot be asked: this loader cannot tell/),
  );
});

Deno.test("connectControl() waits 5 s for the status and no longer", async () => {
  using folder = makeFolder();
  await using _peer = impostor(folder.socket, null);
  const clock = new FakeClock();
  const asked = connectControl(folder.socket, { clock }).status();
  const refused = assert.rejects(asked, failing("control_failed", /no answer within 5 s/, /log/));
  await clock.advance(4999);
  assert.equal(clock.pending, 1);
  await clock.advance(1);
  await refused;
  assert.equal(clock.pending, 0);
});

Deno.test("connectControl() waits for a restart until its signal is aborted", async () => {
  using folder = makeFolder();
  const target = new Target();
  target.gate = new Promise(() => {});
  await using _server = await serveControl(folder.socket, target);
  const clock = new FakeClock();
  const controller = new AbortController();
  const waiting = connectControl(folder.socket, { clock }).restart("kwd", controller.signal);
  await target.asked(1);
  assert.equal(clock.pending, 0, "no time limit");
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(
    connectControl(folder.socket).status(controller.signal),
    (error) => error === reason,
  );
});

Deno.test("connectControl() believes no answer that is not as it should be", async () => {
  const good = loaderStatus();
  const { version: _, ...without } = good;
  const cases: [name: string, bytes: string][] = [
    ["garbage", "\x00\x01\x02 what?"],
    ["nothing", ""],
    ["a cut answer", answer(200, JSON.stringify(good)).slice(0, -20)],
    ["no JSON", answer(200, "<html>")],
    ["another form", answer(200, "[]")],
    ["null", answer(200, "null")],
    ["a missing field", answer(200, JSON.stringify(without))],
    [
      "a wrong field",
      answer(200, JSON.stringify({ ...good, services: [serviceStatus("kwd"), { name: "tts" }] })),
    ],
    ["a wrong map", answer(200, JSON.stringify({ ...good, capabilities: { speech: "yes" } }))],
    ["an error without words", answer(500, "{}")],
    ["too much", answer(200, " ".repeat(5 << 20))],
    ["a way elsewhere", "HTTP/1.1 302 Found\r\nlocation: http://localhost/v1/x\r\ncontent-length: 0\r\n\r\n"],
  ];
  for (const [name, bytes] of cases) {
    using folder = makeFolder();
    await using _peer = impostor(folder.socket, bytes);
    await assert.rejects(
      connectControl(folder.socket).status(),
      failing("control_failed", /cannot be asked/),
      name,
    );
  }
});

Deno.test("connectControl() takes an answer with more fields than it knows", async () => {
  using folder = makeFolder();
  await using _peer = impostor(
    folder.socket,
    answer(200, JSON.stringify({ ...loaderStatus(), mood: "fine" })),
  );
  assert.match(renderStatus(await connectControl(folder.socket).status()), /SYSTEM_READY/);
});

withProcesses.test("connectControl() needs no more than the program's permissions, and no proxy comes between", async () => {
  using folder = makeFolder();
  const target = new Target();
  await using _server = await serveControl(folder.socket, target);
  const root = new URL("../../../", import.meta.url);
  const script = `
    import { connectControl, serveControl } from "${new URL("lib/api/mod.ts", root)}";
    const client = connectControl(Deno.args[0]);
    const status = await client.status();
    await using server = await serveControl(Deno.args[1], { status: () => status, restart: async () => true, stop() {} });
    console.log((await connectControl(Deno.args[1]).restart("kwd")).state);
    await client.stop();`;
  const file = `${folder.path}/child.ts`;
  Deno.writeTextFileSync(file, script);
  const grants = ["run", "ffi", "net", "read", "write", "env", "sys"].map((grant) => `--allow-${grant}`);
  const child = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--unstable-net",
      "--config",
      new URL("deno.json", root).pathname,
      ...grants,
      file,
      folder.socket,
      `${folder.path}/own/b.sock`,
    ],
    env: {
      HTTP_PROXY: "http://127.0.0.1:9",
      http_proxy: "http://127.0.0.1:9",
      ALL_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "",
      no_proxy: "",
    },
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(new TextDecoder().decode(child.stderr), "");
  assert.equal(new TextDecoder().decode(child.stdout), "up\n");
  assert.equal(target.stops.length, 1);
});
