import assert from "node:assert/strict";
import fc from "fast-check";
import type { Fact } from "../../../lib/model/events.ts";
import { Incidents, type News } from "../../../lib/outward/incidents.ts";
import { fell, givenUp, known, state, unhealthy, up } from "./support.ts";

const stopping: Fact = { fact: "stopping", reason: "SIGTERM", services: [] };

/** All that is told of these facts, each at its second, until `end`; asked only when it says that it has something. */
function told(facts: readonly (readonly [sec: number, fact: Fact])[], end = 10_000) {
  const incidents = new Incidents(() => known, () => "You can talk");
  const news: (News & { sec: number })[] = [];
  const look = (until: number) => {
    for (let next = incidents.next; next !== null && next <= until; next = incidents.next) {
      const now = incidents.due(Math.max(next, 0));
      assert.ok(now.length > 0, "it said that it had something");
      news.push(...now.map((one) => ({ ...one, sec: next! / 1000 })));
    }
  };
  for (const [sec, fact] of facts) {
    look(sec * 1000);
    incidents.note(fact, sec * 1000);
    news.push(...incidents.due(sec * 1000).map((one) => ({ ...one, sec })));
  }
  look(end * 1000);
  return news;
}
const brief = (news: ReturnType<typeof told>) => news.map(({ sec, title }) => `${sec} ${title}`);

/** What happens, and all that is told. */
const cases: [string, (readonly [number, Fact])[], string[]][] = [
  ["nothing", [[0, up("llm")]], []],
  ["a crash that is mended at once", [[0, fell("llm")], [4, up("llm")]], [
    "6 llm went down",
    "14 llm is well again",
  ]],
  ["a restart that lasts", [[0, fell("llm")], [300, up("llm")]], [
    "60 llm is down",
    "310 llm is well again",
  ]],
  ["a crash loop to its end, and a person", [
    ...[0, 5, 12].map((sec) => [sec, fell("llm")] as const),
    [20, givenUp("llm")],
    [900, up("llm")],
  ], ["22 llm is down", "910 llm is well again"]],
  ["one takes others down", [
    [0, givenUp("llm")],
    [1, fell("stt")],
    [1.5, fell("kwd")],
    [20, up("kwd")],
    [21, up("stt")],
    [100, up("llm")],
  ], ["23 llm, stt and kwd are down", "110 llm, stt and kwd are well again"]],
  ["four at once", [
    ...["kwd", "stt", "llm", "tts"].map((name, i) => [i, fell(name)] as const),
    ...["kwd", "stt", "llm", "tts"].map((name, i) => [20 + i, up(name)] as const),
  ], ["25 kwd, stt and 2 more went down", "33 kwd, stt and 2 more are well again"]],
  ["the one that hangs is found out last", [
    [0, fell("stt", { fault: { kind: "wrong", detail: "no answer of 127.0.0.1:5003", lastLines: [] } })],
    [21, unhealthy("llm", "no answer within 2000 ms")],
    [30, up("llm")],
    [31, up("stt")],
  ], ["33 llm and stt went down", "41 llm and stt are well again"]],
  ["it follows much later, and says of whom", [
    [0, givenUp("llm")],
    [500, unhealthy("stt", "502, llm does not answer")],
    [510, up("stt")],
    [600, up("llm")],
  ], ["2 llm is down", "610 llm and stt are well again"]],
  ["two that have nothing to do with each other", [
    [0, givenUp("llm")],
    [500, fell("tts")],
    [505, up("tts")],
  ], ["2 llm is down", "507 tts went down", "515 tts is well again"]],
  [
    "it falls again before it is well",
    [[0, fell("llm")], [1, up("llm")], [9, fell("llm")], [12, up("llm")]],
    [
      "3 llm went down",
      "22 llm is well again",
    ],
  ],
  ["a person stops what is broken", [[0, givenUp("llm")], [100, state("llm", "idle", "down")]], [
    "2 llm is down",
  ]],
  ["a person restarts it before it was told", [
    [0, fell("llm")],
    [1, { fact: "restart_wanted", service: "llm" }],
    [5, up("llm")],
  ], ["7 llm went down", "15 llm is well again"]],
  ["an external one that is away", [
    [0, fell("llm", { verdict: { kind: "look_again", delayMs: 1000 } })],
    [0.1, state("llm", "away")],
    [700, up("llm")],
  ], ["2 llm is down", "710 llm is well again"]],
  ["all is stopped before it was told", [[0, fell("llm")], [1, stopping], [2, fell("stt")]], [
    "1 llm is down",
  ]],
  ["all is stopped while it is down", [[0, givenUp("llm")], [10, stopping], [11, up("llm")]], [
    "2 llm is down",
  ]],
  ["a fault that nobody minds", [[0, fell("llm", { verdict: { kind: "none" } })]], []],
];
for (const [name, facts, wanted] of cases) {
  Deno.test(`told once, and once that it is well: ${name}`, () => {
    assert.deepEqual(brief(told(facts)), wanted);
  });
}

Deno.test("the text has the chain, with what was tried; not what a service printed", () => {
  const [down, well] = told([
    [3600, fell("llm")],
    [3605, unhealthy("llm", "503")],
    [3610, givenUp("llm")],
    [3611, fell("stt")],
    [3670, up("stt")],
    [3700, up("llm")],
  ]);
  const lines = down!.text.replaceAll(/\d\d:\d\d:\d\d/g, "T").split("\n");
  assert.deepEqual(lines, [
    "You can talk",
    "llm: Killed by SIGKILL after 61.0s at T; 2 restarts failed in the same way; given up (3 restarts in 600 s)",
    "then stt: Killed by SIGKILL after 61.0s at T",
  ]);
  assert.equal(well!.text, "You can talk\nAfter 100s.");
});

Deno.test("whatever happens, each incident is told once, is ended once, and nothing is left when all is well", () => {
  const service = fc.constantFrom("kwd", "stt", "llm", "tts");
  const step = fc.tuple(fc.integer({ min: 0, max: 90 }), service, fc.constantFrom(fell, givenUp, up));
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    let sec = 0;
    const facts = steps.map(([after, name, make]) => [sec += after, make(name)] as const);
    const end = known.map(({ name }) => [sec + 1, up(name)] as const);
    const news = told([...facts, ...end], sec + 1000);
    const count = (kind: string) => news.filter((one) => one.kind === kind).length;
    assert.equal(count("down"), count("well"));
    assert.equal(count("down") > 0, steps.some(([, , make]) => make !== up));
  }));
});
