import assert from "node:assert/strict";
import fc from "fast-check";
import { parseOurForm } from "../../../lib/log/format.ts";
import { Frame } from "../../../lib/log/frame.ts";
import { type ConsoleStyle, type RelayHost, ServiceRelay } from "../../../lib/log/relay.ts";
import { referenceLines, type StreamEvent } from "./reference.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const stamp = "2026-01-01T00:00:00.000Z";

/** A relay whose surroundings are in memory. */
function setUp(options: { style?: ConsoleStyle; console?: boolean; lineLimit?: number } = {}) {
  const file: Uint8Array[] = [];
  const shown: Uint8Array[] = [];
  const failures: string[] = [];
  const room = { open: true, skipped: 0, counted: 0 };
  const host: RelayHost = {
    frame: new Frame(),
    stamp: () => bytesOf(stamp),
    toFiles: (_tag, lines) => void file.push(lines.slice()),
    style: options.style ?? "plain",
    shown: options.console ?? true,
    consoleOpen: () => room.open,
    toConsole: (lines, count) => {
      shown.push(lines.slice());
      room.counted += count;
    },
    skipOnConsole: (count) => void (room.skipped += count),
    consoleHeld: () => null,
    observed: false,
    observe: () => {},
    listenerFailed: (tag, error) => void failures.push(`${tag}: ${error}`),
  };
  const text = (parts: Uint8Array[]) => {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes); // files stay valid UTF-8
  };
  return {
    host,
    relay: new ServiceRelay("LLM", host, options.lineLimit),
    file: () => text(file),
    shown: () => text(shown),
    room,
    failures,
  };
}

const inFile = (line: string) => `${stamp} ${parseOurForm(line) ? "" : "LLM      INFO = "}${line}\n`;
const onConsole = (line: string) => `${parseOurForm(line) ? "" : "LLM      INFO = "}${line}\n`;

Deno.test("relay puts the prefix before each line, and only a time stamp before a line that has it", () => {
  const { relay, file, shown } = setUp();
  relay.write(bytesOf("loading\nLLM      WARNING = slow\nKWD INFO = not ours\n\nL000000001 x\n"));
  assert.equal(
    file(),
    `${stamp} LLM      INFO = loading\n${stamp} LLM      WARNING = slow\n${stamp} LLM      INFO = KWD INFO = not ours\n` +
      `${stamp} LLM      INFO = \n${stamp} LLM      INFO = L000000001 x\n`,
  );
  assert.equal(shown(), file().replaceAll(`${stamp} `, ""));
});

Deno.test("relay tells the journal each line's level, also of one that has our form", () => {
  const { relay, shown } = setUp({ style: "journal" });
  relay.write(bytesOf("loading\nERROR:root:no model\nLLM      WARNING = slow\nKWD      ERROR = x\ngrün\n"));
  assert.deepEqual(shown().split("\n").slice(0, -1), [
    "<6>LLM      INFO = loading",
    "<3>LLM      ERROR = ERROR:root:no model",
    "<4>LLM      WARNING = slow",
    "<3>KWD      ERROR = x",
    "<6>LLM      INFO = grün",
  ]);
});

Deno.test("relay never mixes stdout and stderr inside one line", () => {
  const { relay, shown } = setUp();
  relay.write(bytesOf("out 1, "));
  relay.write(bytesOf("err 1, "), "stderr");
  relay.write(bytesOf("out 2\n"));
  relay.write(bytesOf("err 2\nerr"), "stderr");
  relay.end("stdout");
  assert.equal(shown(), "LLM      INFO = out 1, out 2\nLLM      INFO = err 1, err 2\n");
  relay.end();
  assert.match(shown(), /= err\n$/);
});

Deno.test("relay keeps nothing of a chunk whose buffer is used again", () => {
  const { relay, file } = setUp();
  const chunk = bytesOf("first\nbegun");
  relay.write(chunk);
  chunk.fill(35);
  relay.write(bytesOf(" and ended\n"));
  assert.equal(file(), inFile("first") + inFile("begun and ended"));
  assert.deepEqual(relay.lastLines(), ["first", "begun and ended"]);
});

Deno.test("relay takes a lone carriage return as the line's new beginning", () => {
  const { relay, shown } = setUp();
  relay.write(bytesOf("10%\r20%\r30%\r\ndos\r\n99%\r"));
  relay.write(bytesOf("100%\ntext\r"));
  relay.write(bytesOf("\n"));
  assert.equal(shown(), ["30%", "dos", "100%", "text"].map(onConsole).join(""));
});

Deno.test("flushPartial() shows a line that has begun, and its end makes no second one", () => {
  const { relay, shown } = setUp();
  relay.write(bytesOf("prompt> "));
  assert.equal(shown(), "");
  relay.flushPartial();
  relay.flushPartial();
  assert.equal(shown(), onConsole("prompt> "));
  relay.write(bytesOf("\nnext\n"));
  assert.equal(shown(), onConsole("prompt> ") + onConsole("next"));
});

Deno.test("relay replaces invalid UTF-8, and leaves valid UTF-8 alone across chunks", () => {
  const { relay, file } = setUp();
  for (const byte of bytesOf("Grüße, 你好 🎉\n")) relay.write(Uint8Array.of(byte));
  relay.write(Uint8Array.of(97, 0xff, 98, 0xe2, 0x82, 10));
  assert.equal(file(), inFile("Grüße, 你好 🎉") + inFile("a\ufffdb\ufffd"));
});

Deno.test("relay keeps colours on a colour terminal only, and no other escape sequence anywhere", () => {
  const hostile =
    "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07\x1b]52;c;AAAA\x1b\\\x1bc\x1b[?1049h\x1bP1$r\x1b\\" +
    "\x1b]8;;unending \x1b\x1b[0m[2J \u009b2J \0\b\x07 end\n";
  const plain = "red 8;;unending ␛[2J \ufffd2J ␀␈␇ end";
  const color = setUp({ style: "color" });
  color.relay.write(bytesOf(hostile));
  assert.equal(color.file(), inFile(plain));
  const line = color.shown().replace(/^.*? = /, "");
  assert.equal(line, "\x1b[31mred\x1b[0m 8;;unending ␛\x1b[0m[2J \ufffd2J ␀␈␇ end\x1b[0m\n");
  const dumb = setUp();
  dumb.relay.write(bytesOf(hostile));
  assert.equal(dumb.shown(), onConsole(plain));
});

Deno.test("relay does not let an escape sequence swallow the lines after it", () => {
  const { relay, file } = setUp();
  relay.write(bytesOf("\x1b]0;one\ntwo\x07three\n\x1b[1\nm\n\x1bP\n"));
  assert.equal(file(), ["0;one", "two␇three", "1", "m", ""].map(inFile).join(""));
});

Deno.test("relay lets a line of our form pass also if its sender coloured it", () => {
  const { relay, shown } = setUp({ style: "color" });
  relay.write(bytesOf("\x1b[36mKWD      \x1b[0mINFO = hello\n"));
  assert.equal(shown(), "KWD      INFO = hello\n");
});

Deno.test("relay splits lines at the limit, between characters, and keeps no long line in memory", () => {
  const { relay, file } = setUp();
  const long = bytesOf("x".repeat((1 << 20) - 1) + "é".repeat(10));
  for (let at = 0; at < long.length; at += 70_000) relay.write(long.subarray(at, at + 70_000));
  relay.write(bytesOf("\nnext\n"));
  assert.equal(file(), inFile("x".repeat((1 << 20) - 1)) + inFile("é".repeat(10)) + inFile("next"));
});

Deno.test("relay frames more lines than its buffer holds, and one line larger than it", () => {
  const { relay, file, room } = setUp();
  relay.write(new Uint8Array(200_000).fill(10));
  relay.write(new Uint8Array(900_000).fill(0));
  relay.write(bytesOf("\n"));
  const lines = file().split("\n");
  assert.equal(lines.length, 200_002);
  assert.equal(lines[199_999], `${stamp} LLM      INFO = `);
  assert.equal(lines[200_000], inFile("␀".repeat(900_000)).trimEnd());
  assert.equal(room.counted, 200_001);
});

Deno.test("relay does not format for a console that is full, but counts", () => {
  const { relay, room, shown, file } = setUp();
  room.open = false;
  relay.write(bytesOf("one\ntwo\nthrée\n"));
  assert.deepEqual([room.skipped, shown(), file().split("\n").length], [3, "", 4]);
});

Deno.test("lastLines() gives the last lines, at most 20 and each bounded", () => {
  const { relay } = setUp({ console: false });
  assert.deepEqual(relay.lastLines(), []);
  relay.write(bytesOf(Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join("")));
  assert.deepEqual(relay.lastLines(3), ["line 97", "line 98", "line 99"]);
  assert.equal(relay.lastLines(50).length, 20);
  assert.deepEqual(relay.lastLines(0), []);
  relay.write(bytesOf(`${"é".repeat(600)}\nx\n`));
  assert.deepEqual(relay.lastLines(2), ["é".repeat(500) + "…", "x"]);
  assert.equal(relay.lastLines()[0], "line 82");
  relay.write(bytesOf(`a${"é".repeat(600)}\n`));
  assert.deepEqual(relay.lastLines(1), ["a" + "é".repeat(499) + "…"]);
});

Deno.test("onLine() tells each listener until it is disposed, and drops one that throws", () => {
  const { relay, failures } = setUp();
  relay.write(bytesOf("before\n"));
  const heard: string[] = [];
  const first = relay.onLine((line) => heard.push(`1 ${line}`));
  relay.onLine(() => {
    throw new Error("broken");
  });
  relay.write(bytesOf("\x1b[1ma\x1b[m\nb\n"));
  first[Symbol.dispose]();
  relay.write(bytesOf("c\n"));
  assert.deepEqual(heard, ["1 a", "1 b"]);
  assert.deepEqual(failures, ["LLM: Error: broken"]);
});

const token = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("\n", "\r", "\r\n", "\t", "plain text ", "0123456789abcdefghij") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "\x1b",
      "\x1b[",
      "\x1b]",
      "31;1m",
      "m",
      "\x07",
      "\\",
      "é",
      "你",
      "🎉",
      "\u009b",
      "\x1b[0m",
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom("\0", "\x7f", "~", " ", "LLM      INFO = x", "KWD      ERROR = ") },
).map(bytesOf);
const anyBytes = fc.oneof({ weight: 4, arbitrary: token }, {
  weight: 1,
  arbitrary: fc.uint8Array({ maxLength: 6 }),
});
const flush = fc.constant("flush" as const);
const events = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.array(anyBytes, { maxLength: 12 }) }, { weight: 1, arbitrary: flush }),
  { maxLength: 20 },
).map((list) =>
  list.map((event): StreamEvent =>
    event === "flush" ? event : Uint8Array.from(event.flatMap((bytes) => [...bytes]))
  )
);

Deno.test("relay makes the same lines as the simple reference, whatever the bytes and the chunks", () => {
  fc.assert(
    fc.property(events, fc.constantFrom(5, 16, 64, 1 << 20), fc.boolean(), (events, lineLimit, listen) => {
      const { relay, file, shown, room } = setUp({ lineLimit });
      const heard: string[] = [];
      if (listen) relay.onLine((line) => heard.push(line));
      for (const event of events) {
        if (event === "flush") relay.flushPartial();
        else {
          const chunk = event.slice();
          relay.write(chunk);
          chunk.fill(0x58); // the buffer is used for something else at once
        }
      }
      relay.end();
      const expected = referenceLines(events, lineLimit);
      // Which level a line has is own_level_test's business; here, that nothing else of it changes.
      const plain = (text: string) => text.replaceAll(/(^|Z )(LLM {6})(?:WARNING|ERROR) = /gm, "$1$2INFO = ");
      assert.deepEqual(plain(file()), plain(expected.map(inFile).join("")));
      assert.deepEqual(plain(shown()), plain(expected.map(onConsole).join("")));
      assert.equal(room.counted, expected.length);
      if (listen) assert.deepEqual(heard, expected);
      assert.deepEqual(relay.lastLines(), expected.slice(-20));
    }),
    { numRuns: 1500 },
  );
});

Deno.test("P15: relay shows a service's warnings and errors as such, in the files and on the console", () => {
  const { relay, file, shown } = setUp();
  relay.write(
    new TextEncoder().encode('ERROR:root:no model\nfine\nTraceback (most recent call last):\n  File "ä"\n'),
  );
  relay.write(new TextEncoder().encode("OSError: no\n[WARN] slow\nTTS      ERROR = ours\n"));
  const levels = ["ERROR", "INFO", "ERROR", "ERROR", "ERROR", "WARNING", "ERROR"];
  for (const text of [file(), shown()]) {
    assert.deepEqual(text.trimEnd().split("\n").map((line) => /(\w+) = /.exec(line)![1]), levels, text);
  }
});

Deno.test("a relay goes on where another one was: no byte of a line is lost or doubled", () => {
  const piece = fc.constantFrom(
    "a",
    "bc\n",
    "\r",
    "\r\n",
    "é\n",
    "\x1b[31mred",
    "Traceback (most recent call last):\n  x\n",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(), fc.nat(), (pieces, cut, second) => {
    const bytes = bytesOf(pieces.join("")),
      at = [cut, second].map((n) => n % (bytes.length + 1)).sort((a, b) => a - b);
    const whole = setUp(), parts = setUp();
    whole.relay.write(bytes);
    whole.relay.end();
    let { relay } = parts;
    for (const [from, to] of [[0, at[0]!], [at[0]!, at[1]!], [at[1]!, bytes.length]]) {
      relay.write(bytes.subarray(from, to));
      const kept = JSON.parse(JSON.stringify(relay.kept));
      relay = new ServiceRelay("LLM", parts.host);
      relay.goOn(kept);
    }
    relay.end();
    assert.equal(parts.file(), whole.file());
    assert.deepEqual(relay.lastLines(), whole.relay.lastLines());
  }));
});
