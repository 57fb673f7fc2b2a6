import assert from "node:assert/strict";
import { OwnLevels } from "../../../lib/log/own_level.ts";

const levelOf = (line: string) => new OwnLevels().of(new TextEncoder().encode(`${line}\n`), 0);

Deno.test("P15: OwnLevels finds the level that a line tells of itself", () => {
  const cases: [number, string[]][] = [
    [2, [
      "ERROR:root:no model",
      "ERROR no model",
      "error: no model",
      "Error: Cannot find module",
      "[ERROR] no model",
      "<error> no model",
      "CRITICAL:wyoming:gone",
      "FATAL ERROR: out of memory",
      "2026-11-25 12:00:00,123 ERROR no model",
      "2026-11-25 12:00:00,123 - wyoming - ERROR - no model",
      "[2026-11-25 12:00:00] [error] no model",
      "12:00:00.123 | ERROR | no model",
      "time=2026-11-25T12:00:00.000Z level=ERROR source=server.go:1 msg=x",
      "level=error msg=x",
      '{"time":"2026-11-25T12:00:00Z","level":"error","msg":"x"}',
      '{"level": "ERROR"}',
      "\x1b[31mERROR\x1b[0m: no model",
      "Traceback (most recent call last):",
    ]],
    [1, [
      "WARNING:root:slow",
      "warn: slow",
      "WARN  slow",
      "[WARN] slow",
      "2026-11-25 12:00 WARNING slow",
      "level=warn",
    ]],
    [0, [
      "",
      "Loading the model",
      "errors: 0",
      "error rate 0.1",
      "no errors found",
      "0 errors, 0 warnings",
      "Warnings are off",
      "INFO:root:an ERROR: of yesterday",
      "2026-11-25 12:00:00 INFO ok",
      "12:00 the error is gone",
      "level=info msg=error",
      '{"level":"info","error":"none"}',
      "terror: no level",
      "ERRORS are none",
      "[INFO] fine",
    ]],
  ];
  for (const [level, lines] of cases) for (const line of lines) assert.equal(levelOf(line), level, line);
});

Deno.test("P15: OwnLevels keeps a traceback together, to the exception's own line", () => {
  const lines = [
    ["Traceback (most recent call last):", 2],
    ['  File "a.py", line 1, in <module>', 2],
    ["    import nothing", 2],
    ["ModuleNotFoundError: No module named 'nothing'", 2],
    ["Going on", 0],
  ] as const;
  const levels = new OwnLevels();
  for (const [line, level] of lines) {
    assert.equal(levels.of(new TextEncoder().encode(`${line}\n`), 0), level, line);
  }
});
