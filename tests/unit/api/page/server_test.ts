import assert from "node:assert/strict";
import { servePage } from "../../../../lib/api/page/server.ts";
import { pageToken } from "../../../../lib/api/page/token.ts";
import { systemClock } from "../../../../lib/sys/clock.ts";
import { loaderStatus, serviceStatus } from "../support.ts";

interface Setting {
  token?: string;
  prefix?: string;
  hosts?: string[];
}

/** A page of a loader with one service; what was restarted, and what was told. */
function page({ token, prefix = "", hosts = [] }: Setting = {}) {
  const restarted: string[] = [], told: string[] = [];
  const server = servePage({
    status: () => loaderStatus({ services: [serviceStatus("llm")] }),
    restart: (service) => {
      restarted.push(service);
      return Promise.resolve(true);
    },
    stop: () => {},
  }, {
    host: "127.0.0.1",
    port: 0,
    hosts,
    prefix,
    token: token ?? null,
    clock: systemClock,
    log: (_, message) => told.push(message),
  });
  /** Sends the request as it is; gives status, headers and body. */
  async function ask(
    target: string,
    { method = "GET", host = `127.0.0.1:${server.port}`, headers = {} }: {
      method?: string;
      host?: string;
      headers?: Record<string, string>;
    } = {},
  ) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join(
      "",
    );
    await conn.write(
      new TextEncoder().encode(`${method} ${target} HTTP/1.1\r\n${lines}content-length: 0\r\n\r\n`),
    );
    const text = await new Response(conn.readable).text();
    const [head = "", body = ""] = text.split("\r\n\r\n");
    return { status: Number(head.split(" ")[1]), head, body };
  }
  return { ask, restarted, told, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const restart = "/v1/services/llm/restart";
const ours = { "x-alexa-loader": "page" };

Deno.test("servePage() gives the page and the API, with headers that let no other script in", async () => {
  await using it = page();
  for (const path of ["/", "/page/app.js", "/page/preact.js", "/page/style.css", "/v1/status"]) {
    const { status, head } = await it.ask(path);
    assert.equal(status, 200, path);
    assert.match(head, /content-security-policy: default-src 'none'; script-src 'self'/);
    assert.match(head, /x-content-type-options: nosniff/);
  }
  const { body } = await it.ask("/page/app.js");
  assert.match(body, /from "\.\/preact\.js"/);
  assert.doesNotMatch((await it.ask("/")).body, /<script>|onclick=|style="/);
});

Deno.test("servePage() takes orders of its own page only", async () => {
  await using it = page();
  const refused: [string, Parameters<typeof it.ask>[1], number][] = [
    ["a form of another site", { headers: { origin: "https://evil.example" } }, 403],
    ["a form without an origin", {}, 403],
    ["a page of another port's", { headers: { origin: "http://evil.example:5080", ...ours } }, 403],
    ["a name that was pointed at us", { host: `evil.example:80`, headers: ours }, 403],
    ["no host", { host: "", headers: ours }, 403],
  ];
  for (const [who, options, status] of refused) {
    assert.equal((await it.ask(restart, { method: "POST", ...options })).status, status, who);
  }
  assert.deepEqual(it.restarted, []);
  assert.equal(it.told.length, 3, `of each kind once: ${it.told}`);
  assert.equal((await it.ask(restart, { method: "POST", headers: ours })).status, 200);
  assert.deepEqual(it.restarted, ["llm"]);
  assert.equal((await it.ask("/v1/status", { host: "localhost:9" })).status, 200);
});

Deno.test("servePage() shows nothing to who does not know the token", async () => {
  const token = "0123456789abcdef";
  await using it = page({ token, hosts: ["box.local"] });
  assert.equal((await it.ask("/")).status, 200, "the page itself holds nothing");
  for (const authorization of ["", "Bearer ", "Bearer 0123456789abcdeF", `bearer ${token}`, token]) {
    for (const path of ["/v1/status", "/v1/boots", "/v1/openapi.json"]) {
      assert.equal((await it.ask(path, { headers: { authorization, ...ours } })).status, 401, authorization);
    }
  }
  const headers = { authorization: `Bearer ${token}`, ...ours };
  assert.equal((await it.ask("/v1/status", { headers })).status, 200);
  assert.equal((await it.ask("/v1/status", { headers, host: "box.local" })).status, 200);
  assert.equal((await it.ask("/v1/status", { headers, host: "evil.example" })).status, 403);
  assert.ok(!it.told.some((message) => message.includes(token)));
});

Deno.test("servePage() lies below its prefix, and has no way out of its folder", async () => {
  await using it = page({ prefix: "/alexa" });
  assert.equal((await it.ask("/alexa/")).status, 200);
  assert.equal((await it.ask("/alexa/v1/status")).status, 200);
  for (
    const path of [
      "/",
      "/v1/status",
      "/alexandria/",
      "/alexa/page/../../etc/passwd",
      "/alexa/page/%2e%2e/x",
      "/alexa/page/__proto__",
    ]
  ) {
    assert.equal((await it.ask(path)).status, 404, path);
  }
});

Deno.test("pageToken() makes one, keeps it, and refuses an empty file", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const made = pageToken(`${dir}/token`);
    assert.match(made.token, /^[0-9a-f]{32}$/);
    assert.equal(Deno.statSync(`${dir}/token`).mode! & 0o777, 0o600);
    assert.deepEqual(pageToken(`${dir}/token`), { token: made.token, fresh: false });
    Deno.writeTextFileSync(`${dir}/token`, "\n");
    assert.throws(() => pageToken(`${dir}/token`), /holds no token/);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
