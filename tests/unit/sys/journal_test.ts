import assert from "node:assert/strict";
import { crc32 as reference } from "node:zlib";
import { systemClock } from "../../../lib/sys/clock.ts";
import {
  appendJournal,
  crc32,
  type JournalLimits,
  parseJournal,
  readJournal,
} from "../../../lib/sys/journal.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const limits: JournalLimits = { maxLines: 10, maxBytes: 4096, maxLine: 1024 };
const bytes = (text: string) => new TextEncoder().encode(text);

function tempFolder(): Disposable & { path: string; file: string } {
  const path = Deno.makeTempDirSync();
  return { path, file: path + "/j", [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function append(folder: string, payload: string, compact = (all: string[]) => all.slice(-5)): Promise<void> {
  return appendJournal(folder, "j", payload, { limits, clock: systemClock, compact });
}

Deno.test("crc32() is the common CRC-32", () => {
  assert.equal(crc32(bytes("123456789")), 0xcbf43926);
  for (const text of ["", "a", '{"boot":"ä"}', "x".repeat(1000)]) {
    assert.equal(crc32(bytes(text)), reference(text));
  }
  assert.equal(crc32(bytes("--123456789--"), 2, 11), 0xcbf43926);
});

Deno.test("readJournal() gives what appendJournal() wrote, in order, as lines of JSON", async () => {
  using dir = tempFolder();
  assert.deepEqual(readJournal(dir.file, limits), { payloads: [], damaged: 0, unreadable: null });
  for (const n of [1, 2, 3]) await append(dir.path, `{"n":${n}}`);
  assert.deepEqual(readJournal(dir.file, limits).payloads, ['{"n":1}', '{"n":2}', '{"n":3}']);
  assert.deepEqual(readJournal(dir.file, limits, 2).payloads, ['{"n":2}', '{"n":3}']);
  const lines = Deno.readTextFileSync(dir.file).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ record }) => record.n), [1, 2, 3]);
});

Deno.test("readJournal() skips and counts each kind of damage", async () => {
  using dir = tempFolder();
  await append(dir.path, '{"n":1}');
  const good = Deno.readTextFileSync(dir.file).trimEnd();
  const bad = [
    good.replace('{"n":1}', '{"n":2}'), // content without its checksum
    good.slice(0, -1),
    good.replace("crc32", "crc33"),
    good.replace("record", "rec0rd"),
    "{}",
    "\u0000".repeat(100),
    "x".repeat(2000),
  ];
  Deno.writeTextFileSync(dir.file, [good, ...bad, "", good].join("\n") + "\n");
  assert.deepEqual(readJournal(dir.file, limits), {
    payloads: ['{"n":1}', '{"n":1}'],
    damaged: bad.length,
    unreadable: null,
  });
});

Deno.test("readJournal() says why it cannot read, and does not wait for a FIFO", async () => {
  using dir = tempFolder();
  Deno.mkdirSync(dir.file);
  assert.equal(readJournal(dir.file, limits).unreadable, "it is not a file");
  Deno.removeSync(dir.file);
  const made = await new Deno.Command("mkfifo", { args: [dir.file] }).output();
  assert.ok(made.success);
  assert.equal(readJournal(dir.file, limits).unreadable, "it is not a file");
});

Deno.test("readJournal() reads no more than the end of a huge file", async () => {
  using dir = tempFolder();
  await append(dir.path, '{"n":1}');
  const line = Deno.readTextFileSync(dir.file);
  Deno.writeTextFileSync(dir.file, "y".repeat(100_000) + "\n" + line.repeat(300));
  const { payloads, damaged } = readJournal(dir.file, limits);
  assert.equal(damaged, 0); // the line that the limit cut through does not count
  assert.equal(payloads.length, Math.floor(2 * limits.maxBytes / line.length));
});

Deno.test("appendJournal() mends a line that was cut short", async () => {
  using dir = tempFolder();
  for (const n of [1, 2]) await append(dir.path, `{"n":${n}}`);
  const whole = Deno.readFileSync(dir.file);
  Deno.writeFileSync(dir.file, whole.subarray(0, whole.length - 4));
  assert.deepEqual(readJournal(dir.file, limits), { payloads: ['{"n":1}'], damaged: 1, unreadable: null });
  await append(dir.path, '{"n":3}');
  assert.deepEqual(readJournal(dir.file, limits), {
    payloads: ['{"n":1}', '{"n":3}'],
    damaged: 0,
    unreadable: null,
  });
});

Deno.test("appendJournal() keeps a last line that lacks only its newline", async () => {
  using dir = tempFolder();
  await append(dir.path, '{"n":1}');
  const whole = Deno.readFileSync(dir.file);
  Deno.writeFileSync(dir.file, whole.subarray(0, whole.length - 1));
  await append(dir.path, '{"n":2}');
  assert.deepEqual(readJournal(dir.file, limits), {
    payloads: ['{"n":1}', '{"n":2}'],
    damaged: 0,
    unreadable: null,
  });
});

Deno.test("appendJournal() shrinks the file above its limits to what compact keeps", async () => {
  using dir = tempFolder();
  for (let n = 1; n <= 11; n++) await append(dir.path, `{"n":${n}}`);
  assert.deepEqual(readJournal(dir.file, limits).payloads, [7, 8, 9, 10, 11].map((n) => `{"n":${n}}`));
  for (let n = 12; n <= 14; n++) await append(dir.path, `{"n":${n},"fill":"${"z".repeat(900)}"}`);
  assert.ok(Deno.statSync(dir.file).size <= limits.maxBytes);
  await append(dir.path, `{"n":15,"fill":"${"z".repeat(900)}"}`);
  await append(dir.path, `{"n":16,"fill":"${"z".repeat(900)}"}`, (all) => all.slice(-2));
  assert.deepEqual(readJournal(dir.file, limits).payloads.map((p) => JSON.parse(p).n), [15, 16]);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["j"]);
});

Deno.test("appendJournal() refuses a line that is too long, and leaves the file as it was", async () => {
  using dir = tempFolder();
  await append(dir.path, '{"n":1}');
  await assert.rejects(append(dir.path, `"${"x".repeat(1024)}"`), /1024 that a line may have/);
  assert.deepEqual(readJournal(dir.file, limits).payloads, ['{"n":1}']);
});

Deno.test("appendJournal() loses no line to another writer, through compactions too", async () => {
  using dir = tempFolder();
  const keepAll = (all: string[]) => all; // with 10 lines the file is full: every further append renames
  const small: JournalLimits = { ...limits, maxBytes: 1 << 20 };
  const write = (n: number) =>
    appendJournal(dir.path, "j", `{"n":${n}}`, { limits: small, clock: systemClock, compact: keepAll });
  await Promise.all(Array.from({ length: 30 }, (_, n) => write(n)));
  const seen = readJournal(dir.file, small).payloads.map((p) => JSON.parse(p).n);
  assert.deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: 30 }, (_, n) => n));
});

Deno.test("appendJournal() waits for the lock, gives up after 2 s, and ends at once when aborted", async () => {
  using dir = tempFolder();
  await append(dir.path, '{"n":1}');
  using held = Deno.openSync(dir.file, { read: true, write: true });
  held.lockSync(true);
  const clock = new FakeClock();
  const options = { limits, clock, compact: (all: string[]) => all };
  let settled = false;
  const refused = assert.rejects(
    appendJournal(dir.path, "j", '{"n":2}', options),
    /has held its lock for 2000 ms/,
  )
    .finally(() => settled = true);
  while (!settled) await clock.advance(clock.pending > 0 ? 500 : 0); // between its looks it does real input and output
  await refused;
  assert.ok(clock.now() >= 2000);
  const gone = new AbortController();
  const aborted = assert.rejects(
    appendJournal(dir.path, "j", '{"n":2}', { ...options, clock: systemClock, signal: gone.signal }),
    /not wanted any more/,
  );
  gone.abort(new Error("not wanted any more"));
  await aborted;
  assert.equal(clock.pending, 0);
  held.unlockSync();
  await append(dir.path, '{"n":3}');
  assert.deepEqual(readJournal(dir.file, limits).payloads, ['{"n":1}', '{"n":3}']);
});

Deno.test("parseJournal() of the newest lines does not look at older ones", () => {
  const old = "damaged\n".repeat(3);
  assert.deepEqual(parseJournal(bytes(old + "also\n"), 100, { last: 1 }), { payloads: [], damaged: 1 });
  assert.deepEqual(parseJournal(bytes(old), 100), { payloads: [], damaged: 3 });
  assert.deepEqual(parseJournal(bytes(old), 100, { cut: true }), { payloads: [], damaged: 2 });
});
