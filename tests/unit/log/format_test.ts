import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import {
  colorPrefix,
  formatLine,
  hasOurForm,
  type LogLevel,
  parseOurForm,
  withPrefix,
} from "../../../lib/log/format.ts";

const levels: LogLevel[] = ["INFO", "WARNING", "ERROR", "DEBUG"];
const bytesOf = (text: string) => new TextEncoder().encode(text);
const ours = (text: string) => hasOurForm(bytesOf(text), 0, bytesOf(text).length);

Deno.test("formatLine() writes the specification's lines", () => {
  const golden = [
    ["LOADER", "INFO", "All services running (warm-ups complete); entering SYSTEM_READY"],
    ["KWD", "INFO", "Received SYSTEM_READY; initiating post-boot greeting"],
    ["TTS", "INFO", 'Speaking greeting: "Hi Master. Ready to serve."'],
    ["STT", "WARNING", "Exited with code 1 after 12.3s; restart 1 of 3 in 2.0s"],
  ] as const;
  assert.deepEqual(golden.map(([tag, level, message]) => formatLine(tag, level, message)), [
    "LOADER   INFO = All services running (warm-ups complete); entering SYSTEM_READY",
    "KWD      INFO = Received SYSTEM_READY; initiating post-boot greeting",
    'TTS      INFO = Speaking greeting: "Hi Master. Ready to serve."',
    "STT      WARNING = Exited with code 1 after 12.3s; restart 1 of 3 in 2.0s",
  ]);
});

Deno.test("formatLine() puts one space after a tag of nine characters and more", () => {
  assert.equal(formatLine("ABCDEFGH", "INFO", "x"), "ABCDEFGH INFO = x");
  assert.equal(formatLine("ABCDEFGHI", "INFO", "x"), "ABCDEFGHI INFO = x");
  assert.equal(formatLine("ABCDEFGHIJKL", "DEBUG", "x"), "ABCDEFGHIJKL DEBUG = x");
});

Deno.test("formatLine() makes several lines of several lines, and control characters visible", () => {
  assert.equal(
    formatLine("LLM", "ERROR", "one\r\ntwo\n\nfour\n"),
    "LLM      ERROR = one\nLLM      ERROR = two\nLLM      ERROR = \nLLM      ERROR = four",
  );
  assert.equal(formatLine("LLM", "INFO", "a\x1b[2Jb\0c\td\x7f\x9b"), "LLM      INFO = a␛[2Jb␀c\td␡\ufffd");
});

Deno.test("colorPrefix() is linePrefix() in colours", () => {
  for (const level of levels) {
    const line = withPrefix(colorPrefix("LLM", level), "one\ntwo");
    assert.ok(line.startsWith("\x1b["));
    assert.equal(stripVTControlCharacters(line), formatLine("LLM", level, "one\ntwo"));
  }
});

Deno.test("hasOurForm() and parseOurForm() know what formatLine() made", () => {
  const tag = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/);
  fc.assert(fc.property(tag, fc.constantFrom(...levels), fc.string(), (tag, level, message) => {
    const line = formatLine(tag, level, message).split("\n")[0]!;
    assert.ok(ours(line));
    const parsed = parseOurForm(line);
    assert.deepEqual([parsed?.tag, parsed?.level], [tag, level]);
  }));
});

Deno.test("hasOurForm() and parseOurForm() refuse everything else", () => {
  const others = [
    "",
    "LLM",
    "LLM      INFO",
    "LLM      INFO =",
    "LLM      INFO= x",
    "LLM     INFO = one space too few",
    "LLM       INFO = one space too many",
    "ABCDEFGHI  INFO = x",
    "llm      INFO = x",
    "1LM      INFO = x",
    " LLM     INFO = x",
    "LLM      NOTE = x",
    "LLM      INFORM = x",
    "L-M      INFO = x",
    "         INFO = x",
    `${"A".repeat(65)} INFO = x`,
  ];
  for (const line of others) {
    assert.equal(ours(line), false, line);
    assert.equal(parseOurForm(line), null, line);
  }
  assert.ok(ours(`${"A".repeat(64)} INFO = x`));
  const bytes = bytesOf("..LLM      INFO = x");
  assert.ok(hasOurForm(bytes, 2, bytes.length));
  assert.equal(hasOurForm(bytes, 2, 17), false, "must not look beyond the end");
});

Deno.test("hasOurForm() agrees with parseOurForm() on anything", () => {
  const piece = fc.constantFrom("A", "KWD", "_", "9", " ", "      ", "INFO", "ERROR", " = ", "=", "x", "a");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const line = pieces.join("");
      assert.equal(ours(line), parseOurForm(line) !== null);
    }),
    { numRuns: 2000 },
  );
});
