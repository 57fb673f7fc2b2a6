import assert from "node:assert/strict";
import { ConfigCache } from "../../../lib/config/cache.ts";
import { parseConfig } from "../../../lib/config/load.ts";

const text = `loader: { startup_sequence: [kwd], shutdown_sequence: [kwd] }
services:
  kwd:
    cmd: ["true", "\${WORDS}"]
    readiness: { type: http, url: "http://127.0.0.1:5001/ready" }
`;
const env = { HOME: "/home/a", WORDS: "one", UNUSED: "x" };
const path = "/etc/loader.yaml";

type Of = (other?: Partial<ConstructorParameters<typeof ConfigCache>[0]>) => ConfigCache;

/** `of` makes caches that differ from the one that has kept the reading of `text`; `file` is where it keeps it. */
function test(name: string, fn: (of: Of, file: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync();
    try {
      const dir = `${folder}/cache`;
      const of: Of = (other) =>
        new ConfigCache({ dir, name: "t", build: "1.0.0 abc", path, text, env, ...other });
      assert.equal(of().read(), null, "nothing is kept yet");
      of().write(parseConfig(text, path, env));
      fn(of, `${dir}/config-t.json`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

test("ConfigCache gives back the very reading that it was given", (of) => {
  assert.deepEqual(of().read(), parseConfig(text, path, env));
  assert.deepEqual(
    of({ env: { ...env, UNUSED: "y" } }).read(),
    parseConfig(text, path, env),
    "what it does not name",
  );
});

test("ConfigCache knows nothing of another text, environment, build or path", (of) => {
  assert.equal(of({ text: text.replace("5001", "5002") }).read(), null, "the text");
  assert.equal(of({ text: text + "\n" }).read(), null, "the text, by a line's end");
  assert.equal(of({ env: { ...env, WORDS: "two" } }).read(), null, "a variable that the text names");
  assert.equal(of({ env: { HOME: env.HOME } as typeof env }).read(), null, "the variable is gone");
  assert.equal(of({ env: { ...env, HOME: "/home/b" } }).read(), null, "~");
  assert.equal(of({ build: "1.0.0 abd" }).read(), null, "the program");
  assert.equal(of({ path: "/etc/other.yaml" }).read(), null, "the file");
  assert.equal(of({ name: "u" }).read(), null, "the configuration's name");
  assert.ok(of().read(), "and asking changed nothing");
});

test("ConfigCache reads a damaged file as none, and writes it anew", (of, file) => {
  const whole = Deno.readTextFileSync(file);
  for (
    const damaged of [
      "",
      "{}",
      "null",
      "[]",
      "not JSON",
      whole.slice(0, -1),
      whole.slice(0, whole.length / 2),
    ]
  ) {
    Deno.writeTextFileSync(file, damaged);
    assert.equal(of().read(), null, damaged.slice(0, 20));
  }
  of().write(parseConfig(text, path, env));
  assert.ok(of().read());
});

test("ConfigCache believes no file that others may write, and no link", (of, file) => {
  Deno.chmodSync(file, 0o666);
  assert.equal(of().read(), null);
  Deno.chmodSync(file, 0o600);
  assert.ok(of().read());
  Deno.renameSync(file, `${file}.real`);
  Deno.symlinkSync(`${file}.real`, file);
  assert.equal(of().read(), null);
});

Deno.test({
  name: "ConfigCache believes no file of another user",
  ignore: Deno.uid() !== 0, // only root can give a file away
  fn() {
    const dir = Deno.makeTempDirSync();
    try {
      const cache = new ConfigCache({ dir, name: "t", build: "b", path, text, env });
      cache.write(parseConfig(text, path, env));
      Deno.chownSync(`${dir}/config-t.json`, 65534, 65534);
      assert.equal(cache.read(), null);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

test("ConfigCache in a folder that cannot be written keeps nothing, and says nothing", (of, file) => {
  of({ dir: file }).write(parseConfig(text, path, env)); // a file where the folder should be
  assert.equal(of({ dir: file }).read(), null);
});
