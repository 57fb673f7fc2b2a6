/** A service's output as a file, read on by the next loader. CONTRACT §1. */
import assert from "node:assert/strict";
import type { Relay } from "../../../lib/log/mod.ts";
import { openOutput, type OutputPaths, OutputTail, recoverBatch } from "../../../lib/services/output_tail.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const who = { pid: 4711, startTime: 5 };

async function inFolder(fn: (paths: OutputPaths, dir: string) => void | Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const logs = [`${dir}/tts.log`, `${dir}/combined.log`];
  try {
    await fn({ output: `${dir}/tts.output`, record: `${dir}/tts.offset`, logs }, dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const inode = (path: string) => Deno.statSync(path).ino!;
const write = (path: string, text: string) => Deno.writeTextFileSync(path, text);
const read = (path: string) => Deno.readTextFileSync(path);

/** What the tail of a fresh look at the output brings into the log, from where the record says. */
async function linesRead(paths: OutputPaths): Promise<string[]> {
  const clock = new FakeClock();
  let text = "";
  const relay = { write: (bytes: Uint8Array) => void (text += new TextDecoder().decode(bytes)) } as Relay;
  const tail = new OutputTail(openOutput(paths, { fresh: false }), who, relay, clock);
  const finished = tail.finish();
  await clock.advance(100);
  await finished;
  assert.equal(clock.pending, 0);
  return text.split("\n").slice(0, -1);
}

Deno.test("A05: recoverBatch() cuts back what a dead loader had begun, and the batch is read again, once", () =>
  inFolder(async (paths) => {
    write(paths.output, "one\ntwo\nthree\n");
    for (const path of paths.logs) write(path, "before\none\ntw"); // it died in the middle of the batch
    const begun = paths.logs.map((path) => [path, inode(path), "before\n".length]);
    write(paths.record, JSON.stringify({ ...who, offset: 0, begun }));
    recoverBatch(paths);
    for (const path of paths.logs) assert.equal(read(path), "before\n");
    assert.deepEqual(JSON.parse(read(paths.record)), { ...who, offset: 0, begun: null });
    recoverBatch(paths);
    for (const path of paths.logs) assert.equal(read(path), "before\n", "a batch is undone once");
    assert.deepEqual(await linesRead(paths), ["one", "two", "three"]);
  }));

Deno.test("OutputTail goes on where the batch before ended, and only for the process that was read", () =>
  inFolder(async (paths) => {
    write(paths.output, "one\ntwo\n");
    write(paths.record, JSON.stringify({ ...who, offset: 4, begun: null }));
    assert.deepEqual(await linesRead(paths), ["two"]);
    write(paths.output, "one\ntwo\n");
    write(paths.record, JSON.stringify({ ...who, startTime: 6, offset: 4, begun: null }));
    assert.deepEqual(await linesRead(paths), ["one", "two"]);
  }));

Deno.test("recoverBatch() touches nothing but its own log files, and none that is another one by now", () =>
  inFolder((paths, dir) => {
    const [log, combined] = paths.logs;
    const precious = `${dir}/precious`;
    write(log!, "a new file\n");
    write(combined!, "short\n");
    write(precious, "not a log of ours\n");
    const begun = [[log, inode(log!) + 1, 1], [combined, inode(combined!), 100], [
      precious,
      inode(precious),
      0,
    ]];
    write(paths.record, JSON.stringify({ ...who, offset: 0, begun }));
    recoverBatch(paths);
    assert.equal(read(log!), "a new file\n", "it was rotated");
    assert.equal(read(combined!), "short\n", "never longer than it is");
    assert.equal(read(precious), "not a log of ours\n");
  }));

Deno.test("recoverBatch() takes anything in the record's place", () =>
  inFolder((paths) => {
    recoverBatch(paths);
    for (const text of ["", "{", "null", "[]", '{"pid":1,"startTime":1,"offset":-1}']) {
      write(paths.record, text);
      recoverBatch(paths);
    }
    Deno.removeSync(paths.record);
    Deno.mkdirSync(paths.record);
    recoverBatch(paths);
  }));

Deno.test("R5: openOutput() opens both files or none", () =>
  inFolder((paths) => {
    Deno.mkdirSync(paths.record);
    assert.throws(() => openOutput(paths, { fresh: true }), /directory/i); // a file left open fails the test
    assert.throws(() => openOutput({ ...paths, output: paths.record }, { fresh: false }));
  }));
