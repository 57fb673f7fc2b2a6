import assert from "node:assert/strict";
import type { Case } from "../../../lib/supervise/causes.ts";
import { belongTogether, chainLines, chainOf, type Link, namedIn } from "../../../lib/supervise/chains.ts";

const known = [{ name: "stt", bindPort: 5002 }, { name: "llm", bindPort: 5003 }, {
  name: "vad",
  bindPort: null,
}];
const link = (service: string, sec: number, names: string[] = []): Link => {
  const happened = { at: new Date(sec * 1000), what: `${service} fell`, lastLine: "open the garage" };
  const of: Case = { first: happened, again: 1, last: happened, givenUp: null, inTheWay: [], reload: null };
  return { service, case: of, names };
};
const names = (links: Link[]) => links.map(({ service }) => service);

Deno.test("namedIn() finds others by name and port, in words and last output, and not itself nor parts of words", () => {
  const said = (detail: string, ...lastLines: string[]) =>
    namedIn("stt", { kind: "wrong", detail, lastLines }, known);
  assert.deepEqual(said("connection refused 127.0.0.1:5003"), ["llm"]);
  assert.deepEqual(said("x", "no LLM there", "vad is gone"), ["llm", "vad"]);
  assert.deepEqual(said("stt hangs on port 5002"), []);
  assert.deepEqual(said("fullmoon, 15003, pid 5003"), []);
});

Deno.test("what began together or names the other has one cause", () => {
  assert.ok(belongTogether(link("stt", 0), link("llm", 30)));
  assert.ok(!belongTogether(link("stt", 0), link("llm", 31)));
  assert.ok(belongTogether(link("stt", 0), link("llm", 5000, ["stt"])));
  assert.ok(belongTogether(link("stt", 0, ["llm"]), link("llm", 5000)));
});

Deno.test("the first is the cause, unless it blames one that was found out later; who blame each other end", () => {
  assert.deepEqual(names(chainOf([link("b", 2), link("a", 1), link("c", 3)])), ["a", "b", "c"]);
  assert.deepEqual(names(chainOf([link("a", 1, ["c"]), link("b", 2), link("c", 3)])), ["c", "a", "b"]);
  assert.deepEqual(names(chainOf([link("a", 1, ["b"]), link("b", 2, ["c"]), link("c", 3)])), ["c", "a", "b"]);
  assert.deepEqual(names(chainOf([link("a", 1, ["b"]), link("b", 2, ["a"])])), ["a", "b"]);
  assert.deepEqual(names(chainOf([link("a", 1, ["nobody"])])), ["a"]);
  assert.deepEqual(chainOf([]), []);
});

Deno.test("what a service printed is in no line", () => {
  const lines = chainLines([link("a", 1), link("b", 2)]);
  assert.match(lines[0]!, /^a: a fell at \d\d:\d\d:\d\d; 1 restart failed in the same way$/);
  assert.match(lines[1]!, /^then b: b fell/);
  assert.ok(!lines.join().includes("garage"));
});
