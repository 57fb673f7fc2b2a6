import assert from "node:assert/strict";
import { ollamaOrigin } from "../../../lib/protocols/ollama_address.ts";

Deno.test("ollamaOrigin() reads OLLAMA_HOST as Ollama does", () => {
  const cases: [string | undefined, string][] = [
    [undefined, "http://127.0.0.1:11434"],
    ["", "http://127.0.0.1:11434"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["0.0.0.0:8000", "http://127.0.0.1:8000"],
    ["[::]:8000", "http://127.0.0.1:8000"],
    [":8000", "http://127.0.0.1:8000"],
    ["box", "http://box:11434"],
    ["box:80", "http://box:80"],
    ["http://box", "http://box"],
    ["https://box:444/", "https://box:444"],
    ["[::1]:9", "http://[::1]:9"],
    ["not a host", "http://127.0.0.1:11434"],
  ];
  for (const [value, wanted] of cases) {
    assert.equal(ollamaOrigin({}, { OLLAMA_HOST: value }), wanted, String(value));
  }
  assert.equal(ollamaOrigin({ OLLAMA_HOST: "a" }, { OLLAMA_HOST: "b" }), "http://a:11434");
});
