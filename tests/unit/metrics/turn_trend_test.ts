import assert from "node:assert/strict";
import { TurnTrend } from "../../../lib/metrics/turn_trend.ts";
import { turnOf } from "../../support/turns.ts";

const usual = { end_of_speech: 1500, text: 600, first_token: 200, first_audio: 300, end: 2000 };

for (const stage of ["text", "first_token", "first_audio"] as const) {
  Deno.test(`TurnTrend names ${stage} within 20 turns once it takes half as long again`, () => {
    const trend = new TurnTrend();
    let n = 0;
    for (; n < 60; n++) trend.add(turnOf(n, usual, 0.2));
    assert.equal(trend.slow.length, 0);
    const began = n;
    while (trend.slow.length === 0 && n < began + 20) {
      trend.add(turnOf(n++, { ...usual, [stage]: usual[stage] * 1.5 }, 0.2));
    }
    assert.deepEqual(trend.slow.map((slow) => slow.stage), [stage]);
    assert.ok(
      Date.parse(trend.slow[0]!.since) >= Date.parse(turnOf(60, usual).at),
      "since then, not before",
    );
  });
}

Deno.test("TurnTrend says when it is over twice the p95, goes on saying so, and takes it back", () => {
  const trend = new TurnTrend();
  let n = 0;
  for (; n < 40; n++) trend.add(turnOf(n, usual, 0.1));
  for (; n < 500; n++) trend.add(turnOf(n, { ...usual, text: 1500 }, 0.1)); // nobody gets used to it
  assert.equal(trend.slow.length, 1);
  const [{ twice, since, ms, p95Ms }] = trend.slow as [typeof trend.slow[0]];
  assert.ok(twice && ms > 1300 && p95Ms < 700);
  assert.equal(since, turnOf(40, usual).at);
  for (; n < 510; n++) trend.add(turnOf(n, usual, 0.1));
  assert.equal(trend.slow.length, 0);
});

Deno.test("TurnTrend is silent of what a person makes longer, of single slow turns, and of figures too small to feel", () => {
  const trend = new TurnTrend();
  for (let n = 0; n < 300; n++) {
    const long = n > 100 ? 5 : 1;
    const slow = n % 10 < 3 ? 4 : 1;
    trend.add(turnOf(n, {
      end_of_speech: 1500 * long,
      text: 600 * slow,
      first_token: n > 100 ? 12 : 4,
      first_audio: 300,
      end: 2000 * long,
    }, 0.2));
    assert.equal(trend.slow.length, 0);
  }
});
