import assert from "node:assert/strict";
import { libc, listNumbers, readBytes, readLink } from "../../../../lib/sys/process/libc.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: () => void) => Deno.test({ name, ignore, fn });

test("libc() calls into the C library", () => {
  assert.equal(libc()?.getpid(), Deno.pid);
});

test("readBytes() reads whole files of every size, and at most its limit", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
    Deno.writeFileSync(`${dir}/large`, bytes);
    Deno.writeFileSync(`${dir}/empty`, new Uint8Array());
    assert.deepEqual(readBytes(`${dir}/large`), bytes);
    const part = readBytes(`${dir}/large`, 70_000)!;
    assert.ok(part.length >= 70_000 && part.length < 200_000, "the limit is kept to the size of a read");
    assert.equal(readBytes(`${dir}/empty`)?.length, 0);
    assert.equal(readBytes(`${dir}/none`), null);
    assert.equal(readBytes(dir), null, "a folder is not read");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

test("readBytes() gives bytes of its own, not a view that the next call changes", () => {
  const first = readBytes("/proc/self/stat")!;
  const copy = first.slice();
  readBytes("/proc/self/status");
  assert.deepEqual(first, copy);
});

test("readLink() gives the target of a link", () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync("/some/where", `${dir}/link`);
    assert.equal(readLink(`${dir}/link`), "/some/where");
    assert.equal(readLink(`${dir}/none`), null);
    assert.equal(readLink(dir), null);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

test("listNumbers() gives the names that are whole numbers, also of a folder larger than one read", () => {
  const dir = Deno.makeTempDirSync();
  try {
    for (let i = 0; i < 3000; i++) Deno.writeTextFileSync(`${dir}/${i}`, "");
    for (const name of ["a", "1a", "-1", "1.5"]) Deno.writeTextFileSync(`${dir}/${name}`, "");
    const numbers = listNumbers(dir)!.sort((a, b) => a - b);
    assert.deepEqual(numbers, Array.from({ length: 3000 }, (_, i) => i));
    assert.equal(listNumbers(`${dir}/none`), null);
    assert.equal(listNumbers(`${dir}/a`), null, "a file is no folder");
    assert.ok(listNumbers("/proc")!.includes(Deno.pid));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

test("the calls leave no descriptor open", () => {
  const open = () => listNumbers("/proc/self/fd")!.length;
  const before = open();
  for (let i = 0; i < 50; i++) {
    readBytes("/proc/self/stat");
    readBytes("/proc/self");
    listNumbers("/proc/self/fd");
  }
  assert.ok(open() < before + 40, "other tests of this process may open some meanwhile");
});
