import assert from "node:assert/strict";
import fc from "fast-check";
import { RotatingFile, type RotatingFileOptions } from "../../../lib/log/rotating_file.ts";
import type { AppendFile } from "../../../lib/sys/files/append_file.ts";
import { openAppend } from "../../../lib/sys/files/output.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function temporaryFolder(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "log_" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function setUp(folder: string, options: Partial<RotatingFileOptions> = {}) {
  const clock = new FakeClock();
  const news: string[] = [];
  const path = `${folder}/llm.log`;
  const file = new RotatingFile(path, {
    rotateBytes: 1e9,
    keep: 3,
    clock,
    lostLine: (lost, reason) => bytesOf(`lost ${lost}: ${reason}\n`),
    onTrouble: (reason) => void news.push(`trouble: ${reason}`),
    onRecovery: (lost) => void news.push(`recovery: ${lost}`),
    onRotationFailed: () => void news.push("rotation failed"),
    ...options,
  });
  return { file, clock, news, path };
}

/** A disk with so many bytes of room; a truncation gives them back. */
function smallDisk(room: number) {
  const disk = { room, canTruncate: true, opened: 0 };
  const open = (path: string): AppendFile => {
    disk.opened++;
    const file = openAppend(path);
    let size = file.size;
    return {
      size: file.size,
      torn: file.torn,
      writeSync(bytes) {
        const n = Math.min(disk.room, bytes.length);
        if (n === 0 && bytes.length > 0) throw new Error("No space left on device");
        disk.room -= n;
        size += n;
        return file.writeSync(bytes.subarray(0, n));
      },
      truncate(to) {
        if (!disk.canTruncate) throw new Error("Read-only file system");
        disk.room += size - to;
        size = to;
        file.truncate(to);
      },
      moved: () => file.moved(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  };
  return { disk, open };
}

Deno.test("RotatingFile appends to what is there, for its owner only, and ends a line that a crash cut off", () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/llm.log`, "whole\nto");
  {
    using file = setUp(folder.path).file;
    file.write(bytesOf("a\n"));
    file.write(bytesOf("b\nc\n"));
  }
  assert.equal(Deno.readTextFileSync(`${folder.path}/llm.log`), "whole\nto\na\nb\nc\n");
  Deno.removeSync(`${folder.path}/llm.log`);
  using file = setUp(folder.path).file;
  file.write(bytesOf("a\n"));
  assert.equal(Deno.statSync(`${folder.path}/llm.log`).mode! & 0o777, 0o600);
});

Deno.test("RotatingFile rotates before the size is passed, and keeps as many files as it is told", () => {
  using folder = temporaryFolder();
  const { file, path } = setUp(folder.path, { rotateBytes: 10, keep: 2 });
  for (let i = 0; i < 10; i++) file.write(bytesOf(`line${i}\n`)); // 6 bytes: one line a file
  file.write(bytesOf("a\nb\nc\nd\ne\nf\n"));
  file[Symbol.dispose]();
  const read = (name: string) => Deno.readTextFileSync(name);
  assert.deepEqual([read(path), read(`${path}.1`), read(`${path}.2`)], [
    "c\nd\ne\nf\n",
    "line9\na\nb\n",
    "line8\n",
  ]);
  assert.equal([...Deno.readDirSync(folder.path)].length, 3);
});

Deno.test("RotatingFile with keep 0 starts the same file anew", () => {
  using folder = temporaryFolder();
  const { file, path } = setUp(folder.path, { rotateBytes: 10, keep: 0 });
  file.write(bytesOf("12345678\nabcdefgh\n"));
  file[Symbol.dispose]();
  assert.equal(Deno.readTextFileSync(path), "abcdefgh\n");
  assert.equal([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("RotatingFile loses and splits nothing, whatever the lines, the writes and the size", () => {
  const lines = fc.array(
    fc.array(fc.string({ maxLength: 30 }).map((text) => text.replaceAll("\n", "")), { maxLength: 6 }),
  );
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 80 }), (writes, rotateBytes) => {
      using folder = temporaryFolder();
      const { file, path, news } = setUp(folder.path, { rotateBytes, keep: 70 });
      for (const lines of writes) file.write(bytesOf(lines.map((line) => `${line}\n`).join("")));
      file[Symbol.dispose]();
      const count = [...Deno.readDirSync(folder.path)].length;
      const names = Array.from(
        { length: count },
        (_, i) => i === count - 1 ? path : `${path}.${count - 1 - i}`,
      );
      const parts = names.map((name) => Deno.readFileSync(name));
      const found = parts.map((part) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(part)).join("");
      assert.equal(found, writes.flat().map((line) => `${line}\n`).join(""));
      for (const part of parts) {
        assert.ok(part.length === 0 || part.at(-1) === 10, "a line is split");
        assert.ok(part.length <= rotateBytes || part.indexOf(10) === part.length - 1, "a file is too large");
      }
      assert.deepEqual(news, []);
    }),
    { numRuns: 60 },
  );
});

Deno.test("RotatingFile never throws on a full disk, keeps whole lines only, and is told once", async () => {
  using folder = temporaryFolder();
  const { disk, open } = smallDisk(14);
  const { file, clock, news, path } = setUp(folder.path, { open });
  file.write(bytesOf("line 1\nline 2\nline 3\n")); // the third one does not fit
  file.write(bytesOf("line 4\nline 5\n"));
  assert.equal(Deno.readTextFileSync(path), "line 1\nline 2\n");
  await clock.advance(1000);
  file.write(bytesOf("line 6\n")); // still full
  assert.deepEqual(news, ["trouble: No space left on device"]);
  disk.room = 1000;
  file.write(bytesOf("line 7\n")); // not tried again at once
  assert.equal(Deno.readTextFileSync(path), "line 1\nline 2\n");
});

Deno.test("RotatingFile tells of lost lines where they are missing, once per trouble", async () => {
  using folder = temporaryFolder();
  const { disk, open } = smallDisk(10);
  const { file, clock, news, path } = setUp(folder.path, { open });
  file.write(bytesOf("line 1\nline 2\n"));
  await clock.advance(1000);
  disk.room = 35; // enough for the line about it, not for the next one: still the same trouble
  file.write(bytesOf(`${"x".repeat(50)}\n`));
  disk.room = 1000;
  await clock.advance(1000);
  file.write(bytesOf("line 3\n"));
  file[Symbol.dispose]();
  assert.equal(
    Deno.readTextFileSync(path),
    "line 1\nlost 1: No space left on device\nlost 1: No space left on device\nline 3\n",
  );
  assert.deepEqual(news, ["trouble: No space left on device", "recovery: 2"]);
});

Deno.test("RotatingFile tells of lost lines at its end, and ends a torn line that it could not cut off", () => {
  using folder = temporaryFolder();
  const { disk, open } = smallDisk(10);
  disk.canTruncate = false;
  const { file, path } = setUp(folder.path, { open });
  file.write(bytesOf("line 1\nline 2\n"));
  disk.room = 1000;
  file[Symbol.dispose]();
  assert.equal(Deno.readTextFileSync(path), "line 1\nlin\nlost 1: No space left on device\n");
});

Deno.test("RotatingFile tries a file that cannot be opened once a second", async () => {
  using folder = temporaryFolder();
  let attempts = 0;
  const { file, clock, news } = setUp(folder.path, {
    open: (path) => {
      if (++attempts < 3) throw new Error("Permission denied");
      return openAppend(path);
    },
  });
  for (let i = 0; i < 100; i++) file.write(bytesOf("a\nb\n"));
  assert.equal(attempts, 1);
  await clock.advance(1000);
  file.write(bytesOf("a\n"));
  await clock.advance(1000);
  file.write(bytesOf("c\n"));
  assert.deepEqual(news, ["trouble: Permission denied", "recovery: 201"]);
  assert.equal(Deno.readTextFileSync(file.path), "lost 201: Permission denied\nc\n");
  file[Symbol.dispose]();
});

Deno.test("RotatingFile grows on when it cannot be renamed", async () => {
  using folder = temporaryFolder();
  const { file, clock, news, path } = setUp(folder.path, { rotateBytes: 4, keep: 1 });
  Deno.mkdirSync(`${path}.1/in_the_way`, { recursive: true });
  file.write(bytesOf("a\nb\nc\nd\n"));
  file.write(bytesOf("e\n"));
  assert.equal(Deno.readTextFileSync(path), "a\nb\nc\nd\ne\n");
  assert.deepEqual(news, ["rotation failed"]);
  Deno.removeSync(`${path}.1`, { recursive: true });
  await clock.advance(60_000);
  file.write(bytesOf("f\n"));
  assert.deepEqual([Deno.readTextFileSync(`${path}.1`), Deno.readTextFileSync(path)], [
    "a\nb\nc\nd\ne\n",
    "f\n",
  ]);
  file[Symbol.dispose]();
});

Deno.test("R14: a file that somebody renamed or removed is begun anew within a second", async () => {
  using folder = temporaryFolder();
  const { file, clock, news, path } = setUp(folder.path);
  using _ = file;
  file.write(bytesOf("a\n"));
  Deno.renameSync(path, `${path}-moved`);
  await clock.advance(1000);
  file.write(bytesOf("b\n"));
  assert.deepEqual([Deno.readTextFileSync(`${path}-moved`), Deno.readTextFileSync(path)], ["a\n", "b\n"]);
  Deno.renameSync(path, `${path}-moved`);
  Deno.writeTextFileSync(path, "another's\n");
  await clock.advance(1000);
  file.write(bytesOf("c\n"));
  assert.equal(Deno.readTextFileSync(path), "another's\nc\n");
  Deno.removeSync(path);
  await clock.advance(1000);
  file.write(bytesOf("d\n"));
  assert.equal(Deno.readTextFileSync(path), "d\n");
  assert.deepEqual(news, []);
});
