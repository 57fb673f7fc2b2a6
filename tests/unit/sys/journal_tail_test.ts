/**
 * The newest lines of a journal, read from its end in growing looks (64 KiB, 512 KiB, …), are those of a whole read.
 * ALEXA_FUZZ_RUNS sets how many files are tried (200).
 */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { type JournalLimits, readJournal } from "../../../lib/sys/journal.ts";

const numRuns = Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 200);
const firstLook = 64 << 10;
const maxLine = 200_000;
const limits: JournalLimits = { maxLines: 1000, maxBytes: 8 << 20, maxLine };

function tempFile(): Disposable & { path: string } {
  const folder = Deno.makeTempDirSync();
  return { path: `${folder}/j`, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

const encoder = new TextEncoder();

/** One line of a file, without its newline, and the payload that a reader must find in it: null if it is damaged. */
interface Line {
  text: string;
  payload: string | null;
}

function framed(payload: string): string {
  return `{"crc32":"${crc32(encoder.encode(payload)).toString(16).padStart(8, "0")}","record":${payload}}`;
}

const overhead = framed("").length;
/** The shortest line that {@link good} makes. */
const shortest = overhead + 12;

/** A good line of exactly `size` bytes; `n` tells it from others. Good but too long is damaged. */
function good(n: number, size: number): Line {
  const payload = `["${`${n}`.padStart(8, "0").padEnd(Math.max(size, shortest) - overhead - 4, ".")}"]`;
  return { text: framed(payload), payload: size <= maxLine ? payload : null };
}

const joined = (lines: readonly Line[]) => lines.map(({ text }) => text).join("\n");

/** What the newest `last` lines hold, of those that begin within the `most` newest bytes; empty ones count for nothing. */
function wanted(lines: readonly Line[], ending: string, most: number, last: number) {
  let from = encoder.encode(joined(lines) + ending).length;
  const cutAt = from - most;
  from -= ending.length;
  const seen: Line[] = [];
  for (const line of lines.toReversed()) {
    from -= encoder.encode(line.text).length;
    if (cutAt > 0 && from <= cutAt) break; // the look begins in it, or just at it, which cannot be told apart
    if (line.text !== "" && seen.length < last) seen.unshift(line);
    from--; // the newline before it
  }
  return {
    payloads: seen.flatMap(({ payload }) => payload ?? []),
    damaged: seen.filter(({ payload }) => payload === null).length,
    unreadable: null,
  };
}

/** Many small lines, some that are about as long as a look or longer, and some at the limit. */
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: shortest, max: 2000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 2000, max: 40_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: firstLook - 3, max: firstLook + 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: firstLook, max: maxLine }) },
  { weight: 1, arbitrary: fc.integer({ min: maxLine - 1, max: maxLine + 1 }) },
);
const goodLine = fc.tuple(fc.nat({ max: 1e7 }), size).map(([n, size]) => good(n, size));
const damagedLine: fc.Arbitrary<Line> = fc.oneof(
  goodLine.map(({ text }) => ({ text: text.slice(0, -1), payload: null })),
  goodLine.map(({ text }) => ({ text: text.slice(1), payload: null })),
  goodLine.map(({ text }) => ({ text: text.replace(/.("\]})$/, "!$1"), payload: null })),
  fc.string({ minLength: 1, maxLength: 300, unit: "binary" }).map((text) => ({
    text: text.replaceAll("\n", " "),
    payload: null,
  })),
  size.map((size) => ({ text: "\0".repeat(size), payload: null })),
);
const line = fc.oneof(
  { weight: 8, arbitrary: goodLine },
  { weight: 2, arbitrary: damagedLine },
  { weight: 1, arbitrary: fc.constant<Line>({ text: "", payload: null }) },
);
/** From some hundred bytes to more than a MiB. */
const files = fc.oneof(
  fc.array(line, { maxLength: 12 }),
  fc.array(line, { minLength: 20, maxLength: 60 }),
  fc.array(
    fc.oneof({ weight: 20, arbitrary: fc.nat().map((n) => good(n, 300)) }, { weight: 1, arbitrary: line }),
    {
      minLength: 200,
      maxLength: 600,
    },
  ),
);
const ending = fc.constantFrom("\n", "\n", "\n\n\n", "");

Deno.test("readJournal() of the newest lines is the end of a whole read, whatever the file holds", () => {
  using file = tempFile();
  const bounds = fc.constantFrom(limits.maxBytes, limits.maxBytes, 100_000, 40_000, firstLook / 2, 3000);
  let [large, repeated] = [0, 0];
  fc.assert(
    fc.property(files, ending, bounds, fc.integer({ min: 1, max: 40 }), (lines, ending, maxBytes, last) => {
      Deno.writeTextFileSync(file.path, joined(lines) + ending);
      const bounded = { ...limits, maxBytes };
      const whole = readJournal(file.path, bounded);
      assert.deepEqual(whole, wanted(lines, ending, 2 * maxBytes, Infinity));
      const tail = readJournal(file.path, bounded, last);
      assert.deepEqual(tail, wanted(lines, ending, 2 * maxBytes, last));
      assert.deepEqual(tail.payloads, whole.payloads.slice(whole.payloads.length - tail.payloads.length));
      assert.deepEqual(readJournal(file.path, bounded, lines.length + 1), whole);
      if (Deno.statSync(file.path).size <= firstLook) return;
      large++;
      if (joined(lines.slice(-last)).length > firstLook) repeated++;
    }),
    { numRuns },
  );
  assert.ok(large > numRuns / 5, `${large} of ${numRuns} files were larger than the first look`);
  assert.ok(repeated > numRuns / 20, `${repeated} of ${numRuns} needed more than it`);
});

const numbers = (payloads: string[]) => payloads.map((payload) => Number(payload.slice(2, 10)));

Deno.test("readJournal() of the newest lines is right where a look begins at a line, or a byte beside it", () => {
  using file = tempFile();
  for (const look of [firstLook, 8 * firstLook]) {
    for (let d = -3; d <= 3; d++) {
      // The four newest lines and their newlines are together as long as the look, more or less `d`.
      const part = Math.floor((look + d) / 4) - 1;
      const newest = [part, part, part, look + d - 3 * (part + 1) - 1].map((size, n) => good(n, size));
      Deno.writeTextFileSync(file.path, `${joined([good(8, 100), good(9, 100), ...newest])}\n`);
      const newestOf = (last: number) => numbers(readJournal(file.path, limits, last).payloads);
      for (const [last, found] of [[3, [1, 2, 3]], [4, [0, 1, 2, 3]], [5, [9, 0, 1, 2, 3]]] as const) {
        assert.deepEqual(newestOf(last), found, `${last} lines, a look of ${look}, ${d}`);
      }
    }
  }
});

Deno.test("readJournal() of the newest lines takes a last line that was cut anywhere for damaged, or for good", () => {
  using file = tempFile();
  const before = [good(1, 300), good(2, firstLook + 10), good(3, 300)];
  const { text } = good(4, 100);
  for (let length = 1; length <= text.length; length++) {
    Deno.writeTextFileSync(file.path, `${joined(before)}\n${text.slice(0, length)}`);
    const whole = length === text.length; // only its newline is missing
    const { payloads, damaged } = readJournal(file.path, limits, 3);
    assert.deepEqual(
      [numbers(payloads), damaged],
      whole ? [[2, 3, 4], 0] : [[2, 3], 1],
      `cut after ${length} bytes`,
    );
  }
});

Deno.test("readJournal() of the newest lines of nothing is nothing", () => {
  using file = tempFile();
  const nothing = { payloads: [], damaged: 0, unreadable: null };
  for (const last of [undefined, 1, 5]) {
    assert.deepEqual(readJournal(file.path, limits, last), nothing, "no file");
    for (const text of ["", "\n", "\n".repeat(firstLook + 5)]) {
      Deno.writeTextFileSync(file.path, text);
      assert.deepEqual(readJournal(file.path, limits, last), nothing, `${text.length} newlines`);
    }
    Deno.removeSync(file.path);
  }
});

Deno.test({
  name: "readJournal() of the newest lines reads no more of a large file than it needs",
  ignore: Deno.build.os !== "linux",
  fn() {
    using file = tempFile();
    Deno.writeTextFileSync(file.path, `${joined(Array.from({ length: 2000 }, (_, n) => good(n, 2000)))}\n`);
    // This thread's own count: other test files may run beside this one in the same process.
    const readByUs = () => Number(/rchar: (\d+)/.exec(Deno.readTextFileSync("/proc/thread-self/io"))![1]);
    const cost = (last: number, found: number) => {
      const before = readByUs();
      assert.equal(readJournal(file.path, limits, last).payloads.length, found);
      return readByUs() - before;
    };
    assert.ok(cost(5, 5) < 2 * firstLook, "one look is enough for five lines");
    assert.ok(cost(100, 100) < 11 * firstLook, "two are for a hundred");
    Deno.writeTextFileSync(file.path, "damaged\n".repeat(5), { append: true });
    assert.ok(cost(5, 0) < 2 * firstLook, "nor is more read to make up for damaged ones");
    assert.ok(cost(3000, 2000) > 4_000_000, "the measure sees what is read");
  },
});
