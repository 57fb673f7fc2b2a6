import assert from "node:assert/strict";
import { ConfigError } from "../../../lib/config/mod.ts";
import { checkPatterns } from "../../../lib/config/patterns.ts";
import { edited, load, marks } from "../../support/config_edit.ts";

const probe = '{ type: "tcp", host: "127.0.0.1", port: 5002 }';

async function problemsOf(text: string) {
  const error = await checkPatterns(load(text)).then(() => null, (error) => error);
  if (error === null) return [];
  assert.ok(error instanceof ConfigError, String(error));
  return error.problems;
}

Deno.test("checkPatterns() takes what can be matched in bounded time", async () => {
  for (
    const pattern of [
      "listening on \\d+",
      "(a+)+$",
      "(?<port>\\d{4,5})\\/\\u0041",
      "[^]*?\\bup\\b",
      "(?:x|y)+",
    ]
  ) {
    assert.deepEqual(await problemsOf(edited([probe, `{ type: log, pattern: '${pattern}' }`])), [], pattern);
  }
});

Deno.test("R9: checkPatterns() refuses lookaround, back references and too many repetitions at their places", async () => {
  for (
    const [pattern, says] of [
      ["ready(?=!)", /`\(\?=`/],
      ["(?<!not )ready", /\(\?<!/],
      ["(a)\\1", /`\\1`/],
      ["(?<x>a)\\k<x>", /back reference/],
      ["(?:a{30}){40}b", /repe/],
    ] as const
  ) {
    for (const place of ["readiness", "health"]) {
      const spec = `{ type: log, pattern: ‸'${pattern}' }`;
      const { text, places } = marks(edited([
        probe,
        place === "readiness" ? spec : `${probe}\n    health: { probe: [{ type: notify }, ${spec}] }`,
      ]));
      const problems = await problemsOf(text);
      assert.deepEqual(problems.map(({ line, column }) => ({ line, column })), places);
      assert.match(problems[0]!.message, /^stt: cannot be matched in bounded time: /);
      assert.match(problems[0]!.message, says);
    }
  }
});
