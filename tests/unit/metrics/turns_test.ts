import assert from "node:assert/strict";
import { openTurns, parseTurn } from "../../../lib/metrics/turns.ts";
import type { TurnRecord } from "../../../lib/model/turn.ts";

const ms = { end_of_speech: 1830, text: 2410, first_token: 2555, first_audio: 2840, end: 5120 };

Deno.test("parseTurn() takes outcome and times, and nothing else", () => {
  const said = { turn: 3, outcome: "answered", ms: { ...ms, words: "open the door" }, text: "open the door" };
  assert.deepEqual(parseTurn(JSON.stringify(said)), { outcome: "answered", ms });
  assert.deepEqual(parseTurn('{"outcome":"failed","ms":{"end":12}}'), {
    outcome: "failed",
    ms: { end_of_speech: null, text: null, first_token: null, first_audio: null, end: 12 },
  });
});

Deno.test("parseTurn() takes nothing that is not the contract's", () => {
  const bad = [
    "",
    "[]",
    "null",
    "{",
    '{"outcome":"answered","ms":{}}',
    '{"outcome":"open the door","ms":{"end":1}}',
    '{"outcome":"answered","ms":{"end":-1}}',
    '{"outcome":"answered","ms":{"end":1e9}}',
    '{"outcome":"answered","ms":{"end":"5"}}',
    '{"outcome":"answered","ms":{"end":5,"text":"open the door"}}',
  ];
  for (const text of bad) assert.equal(parseTurn(text), null, text);
});

Deno.test("openTurns() keeps the last 1,000, and what a newer program wrote", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const turn = (n: number): TurnRecord => ({
      format: 1,
      at: new Date(n * 1000).toISOString(),
      boot: "b1",
      service: "kwd",
      outcome: "answered",
      ms,
    });
    const lines = Array.from({ length: 1005 }, (_, n) => JSON.stringify(turn(n)));
    const newer = '{"format":2,"x":1}';
    Deno.writeTextFileSync(`${dir}/turns.jsonl`, [...lines, "rubbish", newer, ""].join("\n"));
    const turns = openTurns(dir);
    assert.equal(turns.records.length, 1000);
    assert.match(turns.warnings[0]!, /2 turn records were skipped \(1 damaged, 1 of an unknown format\)/);
    assert.equal(await turns.append(turn(2000)), null);
    assert.deepEqual(turns.records.at(-1), turn(2000));
    const kept = Deno.readTextFileSync(`${dir}/turns.jsonl`).trim().split("\n");
    assert.equal(kept.length, 1000);
    assert.ok(kept.includes(newer) && !kept.includes("rubbish"));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
