import assert from "node:assert/strict";
import { LoaderError } from "../../../lib/errors.ts";
import { ConfigError, findConfig, loadConfig } from "../../../lib/config/mod.ts";
import { readTextFile } from "../../../lib/sys/files/text_file.ts";
import { specText } from "../../support/config_edit.ts";

function temporary(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "alexa-config-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function errorOf(act: () => unknown): LoaderError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof LoaderError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("findConfig() takes the explicit file, the local one, then the XDG folder's", () => {
  using dir = temporary();
  const env = { HOME: `${dir.path}/home`, XDG_CONFIG_HOME: `${dir.path}/xdg` };
  const local = `${dir.path}/config/loader.yaml`;
  const xdg = `${dir.path}/xdg/alexa-loader/loader.yaml`;
  const home = `${dir.path}/home/.config/alexa-loader/loader.yaml`;
  assert.equal(findConfig("x.yaml", dir.path, env), "x.yaml");

  const error = errorOf(() => findConfig(null, dir.path, env));
  assert.equal(error.code, "config_unreadable");
  assert.ok(error.message.includes(local) && error.message.includes(xdg), error.message);
  assert.match(error.hint!, /alexa-loader init.*alexa-loader demo/);

  for (const path of [home, xdg, local]) {
    Deno.mkdirSync(path.replace(/\/[^/]+$/, ""), { recursive: true });
    Deno.writeTextFileSync(path, specText);
    assert.equal(findConfig(null, dir.path, path === home ? { HOME: env.HOME } : env), path);
  }
  assert.equal(findConfig(null, dir.path, { ...env, XDG_CONFIG_HOME: "relative" }), local);
});

Deno.test("loadConfig() reads, checks and names the file", () => {
  using dir = temporary();
  const path = `${dir.path}/loader.yaml`;
  Deno.writeTextFileSync(path, specText);
  assert.equal(loadConfig(path, {}).path, path);
  Deno.writeTextFileSync(path, "loader: 1");
  const error = errorOf(() => loadConfig(path, {}));
  assert.ok(error instanceof ConfigError);
  assert.ok(error.message.startsWith(`${path}:1:`), error.message);
});

Deno.test("loadConfig() says why a file cannot be read", () => {
  using dir = temporary();
  const big = `${dir.path}/big.yaml`;
  Deno.writeTextFileSync(big, "");
  Deno.truncateSync(big, 5 * 1024 * 1024);
  const binary = `${dir.path}/binary.yaml`;
  Deno.writeFileSync(binary, new Uint8Array([0x61, 0xff, 0xfe]));
  const cases: [string, RegExp][] = [
    [`${dir.path}/none.yaml`, /there is no such file/],
    [`${binary}/none.yaml`, /there is no such file/],
    [dir.path, /it is a folder/],
    ["/dev/null", /not a regular file/],
    [big, /larger than 4 MiB/],
    [binary, /not UTF-8/],
  ];
  for (const [path, reason] of cases) {
    const error = errorOf(() => loadConfig(path, {}));
    assert.equal(error.code, "config_unreadable");
    assert.match(error.message, reason);
    assert.ok(error.hint);
  }
});

Deno.test("readTextFile() gives the text as it is", () => {
  using dir = temporary();
  const path = `${dir.path}/text`;
  Deno.writeTextFileSync(path, "\ufeffä\r\n");
  assert.deepEqual(readTextFile(path), { ok: true, text: "\ufeffä\r\n" });
});
