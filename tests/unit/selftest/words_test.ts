import assert from "node:assert/strict";
import { align, wordsOf, wrongWords } from "../../../lib/selftest/words.ts";

const cases: [said: string, heard: string, right: number, wrong: number][] = [
  ["What time is it?", "what time is it", 4, 0],
  ["What time is it?", "What, time is IT.", 4, 0],
  ["What time is it?", "what time is", 3, 1],
  ["What time is it?", "what a time is it", 4, 1],
  ["What time is it?", "what dime is it", 3, 1],
  ["What time is it?", "", 0, 4],
  ["What time is it?", "the quick brown fox", 0, 4],
  ["", "something", 0, 1],
  // As many are right as can be, without another wrong one.
  ["a b c", "c a b", 2, 2],
  ["one two", "two one", 1, 2],
  ["Wie spät ist es?", "wie SPÄT ist es", 4, 0],
  ["what's up", "what's up", 2, 0],
];

for (const [said, heard, right, wrong] of cases) {
  Deno.test(`align("${said}", "${heard}"): ${right} right, ${wrong} wrong`, () => {
    assert.deepEqual(align(said, heard), { right, wrong, all: wordsOf(said).length });
    assert.equal(wrongWords(said, heard), wrong);
  });
}

Deno.test("align() looks at so much of a server's endless answer, and no more", () => {
  assert.equal(wordsOf("word ".repeat(1_000_000)).length, 200);
  assert.deepEqual(align("what time is it", "word ".repeat(1_000_000)), { right: 0, wrong: 200, all: 4 });
});
