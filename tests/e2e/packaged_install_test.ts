import assert from "node:assert/strict";
import { bareMachine } from "../support/bare_machine.ts";
import { selfExtractingFile } from "../support/built.ts";

const script = new URL("../../scripts/install.sh", import.meta.url).pathname;

async function sumOf(file: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(file))).toHex();
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("install.sh puts a file in place that it has checked, and removes it and its cache again", async () => {
  const file = await selfExtractingFile();
  const sum = await sumOf(file);
  using machine = bareMachine();
  const prefix = `${machine.home}/my place`;
  const target = `${prefix}/bin/alexa-loader`;
  const installed = await machine.run(script, file, "--sha256", sum.toUpperCase(), "--prefix", prefix);
  assert.equal(installed.code, 0, installed.stderr);
  assert.equal(Deno.statSync(target).mode! & 0o777, 0o755);
  assert.deepEqual([...Deno.readDirSync(`${prefix}/bin`)].map(({ name }) => name), ["alexa-loader"]);
  const ran = await machine.run(target, "--version");
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(machine.entries().length, 1);

  Deno.mkdirSync(`${machine.home}/.local/state/alexa-loader`, { recursive: true });
  const removed = await machine.run(script, "--remove", "--prefix", prefix);
  assert.equal(removed.code, 0, removed.stderr);
  assert.ok(!isThere(target) && !isThere(machine.cache));
  assert.match(removed.stdout, /kept .*\.local\/state\/alexa-loader/);
  assert.equal((await machine.run(script, "--remove", "--prefix", prefix)).code, 0); // nothing there: nothing to do
});

Deno.test("install.sh installs nothing whose SHA-256 is wrong or not known", async () => {
  using machine = bareMachine();
  const file = `${machine.folder}/alexa-loader-x`;
  Deno.writeTextFileSync(file, "#!/bin/sh\necho hello\n");
  const sum = await sumOf(file);
  const place = () => machine.run(script, file, "--prefix", machine.home);
  const target = `${machine.home}/bin/alexa-loader`;

  const unknown = await place();
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no SHA-256 for/);
  Deno.writeTextFileSync(`${file}.sha256`, `${"0".repeat(64)}  alexa-loader-x\n`);
  const wrong = await place();
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, new RegExp(`its SHA-256 is ${sum}, expected 0{64}`));
  Deno.removeSync(`${file}.sha256`);
  assert.ok(!isThere(target));
  if (isThere(`${machine.home}/bin`)) assert.deepEqual([...Deno.readDirSync(`${machine.home}/bin`)], []);

  Deno.writeTextFileSync(
    `${machine.folder}/SHA256SUMS`,
    `${"0".repeat(64)}  another\n${sum}  alexa-loader-x\n`,
  );
  const listed = await place();
  assert.equal(listed.code, 0, listed.stderr);
  assert.equal((await machine.run(target)).stdout, "hello\n");
});

Deno.test("install.sh --remove never follows a link in the place of the cache", async () => {
  using machine = bareMachine();
  Deno.mkdirSync(`${machine.folder}/precious`);
  Deno.writeTextFileSync(`${machine.folder}/precious/file`, "");
  Deno.mkdirSync(`${machine.home}/.cache`);
  Deno.symlinkSync(`${machine.folder}/precious`, machine.cache);
  assert.equal((await machine.run(script, "--remove", "--prefix", machine.home)).code, 0);
  assert.ok(isThere(`${machine.folder}/precious/file`));
});
