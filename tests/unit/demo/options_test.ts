import assert from "node:assert/strict";
import { parseDemoArguments } from "../../../lib/demo/options.ts";

Deno.test("parseDemoArguments() reads options with =, without =, and flags", () => {
  const argv = [
    "tts",
    "--port",
    "5004",
    "--load-ms=7",
    "--bind-early",
    "--finish",
    "callback",
    "--speak=hang",
    "--speak-ms",
    "0",
  ];
  assert.deepEqual(parseDemoArguments(argv), {
    ok: true,
    role: "tts",
    options: { port: 5004, loadMs: 7, bindEarly: true, finish: "callback", speak: "hang", speakMs: 0 },
  });
  assert.deepEqual(parseDemoArguments(["kwd"]), { ok: true, role: "kwd", options: {} });
});

Deno.test("parseDemoArguments() says what is wrong", () => {
  const message = (...argv: string[]) => {
    const parsed = parseDemoArguments(argv);
    return parsed.ok ? null : parsed.message;
  };
  assert.match(message()!, /wants one of kwd, stt, llm, tts, found "nothing"/);
  assert.match(message("vad")!, /found "vad"/);
  assert.match(message("kwd", "--prot", "1")!, /no option "--prot"/);
  assert.match(message("kwd", "--port", "70000")!, /--port cannot be "70000"/);
  assert.match(message("kwd", "--port", "-1")!, /--port cannot be "-1"/);
  assert.match(message("kwd", "--load-ms", "soon")!, /--load-ms cannot be "soon"/);
  assert.match(message("kwd", "--load-ms")!, /--load-ms wants a value/);
  assert.match(message("tts", "--speak=sing")!, /--speak cannot be "sing"/);
  assert.match(message("tts", "--bind-early=perhaps")!, /--bind-early cannot be "perhaps"/);
});
