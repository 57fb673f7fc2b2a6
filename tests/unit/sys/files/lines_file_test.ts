import assert from "node:assert/strict";
import { readLines, replaceLines } from "../../../../lib/sys/files/lines_file.ts";

function tempFolder(): Disposable & { path: string; file: string } {
  const path = Deno.makeTempDirSync();
  return { path, file: `${path}/f`, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("readLines() gives what replaceLines() wrote; no file has no lines", async () => {
  using dir = tempFolder();
  assert.deepEqual(readLines(dir.file, 100), { lines: [], unreadable: null });
  await replaceLines(dir.path, "f", ["a", "ä"]);
  await replaceLines(dir.path, "f", ["b", "ö"]);
  assert.deepEqual(readLines(dir.file, 100), { lines: ["b", "ö"], unreadable: null });
  assert.equal(Deno.statSync(dir.file).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["f"]);
});

Deno.test("readLines() takes a last line without its newline, leaves empty ones out, and reads no more than the end", () => {
  using dir = tempFolder();
  Deno.writeTextFileSync(dir.file, "first\n\nsecond\nthird");
  assert.deepEqual(readLines(dir.file, 100).lines, ["first", "second", "third"]);
  assert.deepEqual(readLines(dir.file, 12).lines, ["third"]); // "second" may have been cut
  assert.deepEqual(readLines(dir.file, 13).lines, ["second", "third"]);
});

Deno.test("replaceLines() leaves the file as it was when it cannot write", async () => {
  using dir = tempFolder();
  await replaceLines(dir.path, "f", ["kept"]);
  Deno.mkdirSync(`${dir.file}.new`);
  await assert.rejects(replaceLines(dir.path, "f", ["lost"]));
  assert.deepEqual(readLines(dir.file, 100).lines, ["kept"]);
});
