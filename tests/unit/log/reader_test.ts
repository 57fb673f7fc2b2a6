import assert from "node:assert/strict";
import { followLines, lastLines, type LogLine, parseLogLine } from "../../../lib/log/reader.ts";
import { compilePattern } from "../../../lib/pattern.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const stamp = (i: number) => new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString();
const line = (i: number, tag = "KWD", message = `line ${i}`) =>
  `${stamp(i)} ${tag.padEnd(8)} INFO = ${message}\n`;
const messages = (lines: LogLine[]) => lines.map(({ message }) => message);

function folder(): Disposable & {
  dir: string;
  write(name: string, text: string): void;
  add(name: string, text: string): void;
} {
  const dir = Deno.makeTempDirSync();
  return {
    dir,
    write: (name, text) => Deno.writeTextFileSync(`${dir}/${name}`, text),
    add: (name, text) => Deno.writeTextFileSync(`${dir}/${name}`, text, { append: true }),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

Deno.test("parseLogLine() takes a line apart, and nothing that is none", () => {
  assert.deepEqual(parseLogLine("2026-01-01T00:00:00.000Z TTS      WARNING = a = b"), {
    at: "2026-01-01T00:00:00.000Z",
    tag: "TTS",
    level: "WARNING",
    message: "a = b",
  });
  for (const none of ["", "nonsense", "2026-01-01T00:00:00.000Z TTS LOUD = x"]) {
    assert.equal(parseLogLine(none), null);
  }
});

Deno.test("lastLines() goes back through rotated files, over any chunk's border", async () => {
  using logs = folder();
  const all = Array.from({ length: 9000 }, (_, i) => line(i, "KWD", `line ${i} ${"x".repeat(i % 97)} ä`));
  logs.write("kwd.log.10", all.slice(0, 1000).join(""));
  logs.write("kwd.log.2", all.slice(1000, 3000).join(""));
  logs.write("kwd.log.1", all.slice(3000, 7000).join(""));
  logs.write("kwd.log", all.slice(7000).join(""));
  const question = { dir: logs.dir, tag: "KWD", tail: Infinity };
  const found = await lastLines(question);
  assert.equal(found.length, 9000);
  assert.deepEqual(found.map(({ at }) => at), all.map((_, i) => stamp(i)));
  assert.ok(found.every(({ message }) => message.endsWith("ä")));
  assert.deepEqual(
    (await lastLines({ ...question, tail: 3 })).map(({ at }) => at),
    [8997, 8998, 8999].map(stamp),
  );
  const since = Date.parse(stamp(2500));
  assert.equal((await lastLines({ ...question, since })).length, 6500);
  const grep = await compilePattern("^line [0-9]*77 ");
  assert.equal((await lastLines({ ...question, grep })).length, 90);
  assert.ok((await lastLines({ ...question, maxBytes: 10_000 })).length < 300);
});

Deno.test("lastLines() knows what is torn, empty, no file, or no log", async () => {
  using logs = folder();
  logs.write("kwd.log", line(1) + "torn by a cra");
  logs.write("combined.log", "");
  Deno.mkdirSync(`${logs.dir}/tts.log`);
  assert.deepEqual(messages(await lastLines({ dir: logs.dir, tag: "KWD", tail: 9 })), ["line 1"]);
  assert.deepEqual(await lastLines({ dir: logs.dir, tag: null, tail: 9 }), []);
  assert.deepEqual(await lastLines({ dir: logs.dir, tag: "TTS", tail: 9 }), []);
  assert.deepEqual(await lastLines({ dir: `${logs.dir}/none`, tag: null, tail: 9 }), []);
  assert.deepEqual(await lastLines({ dir: logs.dir, tag: "../../etc/passwd", tail: 9 }), []);
});

Deno.test("lastLines() of all is in order where no file has all", async () => {
  using logs = folder();
  logs.write("kwd.log", [1, 4, 5].map((i) => line(i)).join(""));
  logs.write("tts.log", [2, 3, 6].map((i) => line(i, "TTS")).join(""));
  const lines = await lastLines({ dir: logs.dir, tag: null, tail: 4 });
  assert.deepEqual(messages(lines), ["line 3", "line 4", "line 5", "line 6"]);
});

Deno.test("followLines() goes on over a rotation, a new file and half a line", async () => {
  using logs = folder();
  logs.write("kwd.log", line(1) + line(2));
  const clock = new FakeClock(), end = new AbortController();
  const lines = followLines({ dir: logs.dir, tag: "KWD", tail: 1 }, { clock, signal: end.signal });
  const next = async () => {
    const coming = lines.next();
    let done = false;
    void coming.then(() => done = true);
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 1)); // the files are read meanwhile
      if (clock.pending > 0) await clock.advance(200);
    }
    return (await coming).value?.message;
  };
  assert.equal(await next(), "line 2");
  logs.add("kwd.log", line(3) + line(4).slice(0, 30));
  assert.equal(await next(), "line 3");
  logs.add("kwd.log", line(4).slice(30) + line(5));
  assert.equal(await next(), "line 4");
  Deno.renameSync(`${logs.dir}/kwd.log`, `${logs.dir}/kwd.log.1`);
  logs.write("kwd.log", line(6));
  assert.equal(await next(), "line 5");
  assert.equal(await next(), "line 6");
  const last = next();
  end.abort();
  assert.equal(await last, undefined);
  assert.equal(clock.pending, 0);
});
