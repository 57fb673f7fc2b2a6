/** Checks the compile path where no runtime for it is to be had: /bin/true takes its place, and nothing is run. */
import assert from "node:assert/strict";
import { runtimeFlags } from "../../lib/version.ts";

const root = new URL("../../", import.meta.url).pathname;
const script = `${root}scripts/build.ts`;

async function runBuild(args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** The metadata that `deno compile` embeds: an object that begins with its argv. */
function metadataOf(file: Uint8Array): { permissions: Record<string, unknown>; entrypoint_key: string } {
  const text = new TextDecoder("latin1").decode(file);
  const start = text.indexOf('{"argv":');
  assert.notEqual(start, -1, "no metadata in the file");
  let depth = 0, end = start, quoted = false;
  do {
    const char = text[end++];
    if (char === "\\") end++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === "{") depth++;
    else if (!quoted && char === "}") depth--;
  } while (depth > 0);
  return JSON.parse(text.slice(start, end));
}

Deno.test("deno compile embeds the whole graph, and exactly the declared permissions", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const output = `${folder}/alexa-loader`;
    const { code, stdout, stderr } = await runBuild(["--compile", "--output", output], {
      DENORT_BIN: "/bin/true",
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /: compiled, /);
    const file = await Deno.readFile(output);
    const { permissions, entrypoint_key } = metadataOf(file);
    assert.match(entrypoint_key, /main\.js$/);
    for (const name of ["run", "ffi", "net", "read", "write", "env", "sys"]) {
      const declared = runtimeFlags.includes(`--allow-${name}`);
      assert.deepEqual(permissions[`allow_${name}`], declared ? [] : null, name); // []: unscoped; null: not granted
      assert.equal(permissions[`deny_${name}`], null);
    }
    assert.equal(permissions.prompt, false);
    assert.deepEqual(permissions.deny_import, []); // all of it
    const size = file.length - Deno.statSync("/bin/true").size;
    assert.ok(size > 500_000 && size < 2_000_000, `${size} bytes embedded`);
    // What is read as text, imported lazily, or comes from npm is in it too.
    const text = new TextDecoder("latin1").decode(file);
    for (const mark of ["Hi Master. Ready to serve.", "grpc.health.v1", "kwd_service.py", "prettifyError"]) {
      assert.ok(text.includes(mark), mark);
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["alexa-loader"]);

    await runBuild(["--compile", "--output", output], { DENORT_BIN: "/bin/true" });
    assert.deepEqual(await Deno.readFile(output), file, "the same commit gives the same bytes");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno compile takes another target too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const target = Deno.build.target.startsWith("x86_64")
      ? "aarch64-unknown-linux-gnu"
      : "x86_64-unknown-linux-gnu";
    const output = `${folder}/alexa-loader`;
    const { code, stderr } = await runBuild(["--compile", "--target", target, "--output", output], {
      DENORT_BIN: "/bin/true",
    });
    assert.equal(code, 0, stderr);
    assert.match(metadataOf(await Deno.readFile(output)).entrypoint_key, /main\.js$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("build --compile without a runtime says what to fetch; without --compile it packs the other kind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // A runtime that is not there stands for a download that fails: Deno takes the same way out.
    const env = { DENORT_BIN: `${folder}/nothing` };
    const output = `${folder}/alexa-loader`;
    const refused = await runBuild(["--compile", "--output", output], env);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^error: deno compile has no runtime .*: fetch denort-\S+\.zip .* DENORT_BIN/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const other = await runBuild(["--fast", "--output", output], env);
    assert.equal(other.code, 0, other.stderr);
    assert.match(other.stderr, /building the self-extracting file instead/);
    assert.match(other.stdout, /: self-extracting, /);
    const foreign = await runBuild(["--target", "aarch64-unknown-linux-gnu", "--output", output], env);
    assert.equal(foreign.code, Deno.build.target.startsWith("aarch64") ? 0 : 1);
    assert.match(foreign.stderr, /needs its deno executable: name it with --runtime FILE/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("build refuses what it does not know", async () => {
  for (const args of [["--target", "vax"], ["--compile", "--self-extracting"], ["--no-such"]]) {
    const { code, stderr } = await runBuild(args, {});
    assert.equal(code, 1);
    assert.match(stderr, /^error: /);
  }
});
