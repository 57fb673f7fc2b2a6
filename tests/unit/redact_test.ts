import assert from "node:assert/strict";
import { isSecretName, redacted, Redactor } from "../../lib/redact.ts";

const clean = (text: string) => new Redactor().text(text);

Deno.test("Redactor takes a secret out of every form it has in a line", () => {
  const cases: [string, string][] = [
    ["GET http://ann:hunter22@10.0.0.2/v1", `GET http://${redacted}@10.0.0.2/v1`],
    ["wss://tok3n-of-mine@host/x", `wss://${redacted}@host/x`],
    ["curl -H 'Authorization: Bearer abc.def-123'", `curl -H 'Authorization: ${redacted}'`],
    ["sent Bearer abc.def-123 to it", `sent Bearer ${redacted} to it`],
    ["OPENAI_API_KEY=plain-value next", `OPENAI_API_KEY=${redacted} next`],
    ['{"hf_token": "plain-value", "a": 1}', `{"hf_token": "${redacted}", "a": 1}`],
    ["server --api-key plain-value --port 1", `server --api-key ${redacted} --port 1`],
    ["server --api-key=plain-value", `server --api-key=${redacted}`],
    ["GET /x?token=plain-value&a=1", `GET /x?token=${redacted}&a=1`],
    ["DB_PWD=plain-value", `DB_PWD=${redacted}`],
    ["password: 1234", `password: ${redacted}`],
    ["Set-Cookie: id=1; b=2", `Set-Cookie: ${redacted}`],
    ["key hf_abcdefghijklmnopqrst here", `key ${redacted} here`],
    ["eyJhbGciOiJI.eyJzdWIiOiIx.sig-1", redacted],
    ["a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb", `a\n${redacted}\nb`],
  ];
  for (const [line, wanted] of cases) assert.equal(clean(line), wanted);
});

Deno.test("Redactor leaves what only looks like a secret", () => {
  for (
    const line of [
      "kv_cache_tokens: 4096, max_tokens=512",
      "warmed with 1 token, 2048 MiB on the GPU",
      "pre_touch_tokenizers: true",
      "http://127.0.0.1:5001/health",
      "keyboard: us, keep_alive: -1",
      "PWD=/home/ann OLDPWD=/",
      "LLM      INFO = Ready in 0.42s",
    ]
  ) assert.equal(clean(line), line);
  assert.deepEqual([isSecretName("KEYBOARD"), isSecretName("TOKENIZERS_PARALLELISM")], [false, false]);
});

Deno.test("Redactor finds a secret again where nothing says that it is one", () => {
  const redactor = new Redactor();
  const data = {
    env: { HF_TOKEN: "plain-value-1", HOME: "/root", DB_PASSWORD: 123456, SECRETS: { a: "plain-value-2" } },
    cmd: ["server", "--api-key", "plain-value-3", "--url", "http://u:plain-value-4@h", "x"],
    max_tokens: 512,
  };
  redactor.learn(data);
  assert.deepEqual(redactor.value(data), {
    env: { HF_TOKEN: redacted, HOME: "/root", DB_PASSWORD: redacted, SECRETS: { a: redacted } },
    cmd: ["server", "--api-key", redacted, "--url", `http://${redacted}@h`, "x"],
    max_tokens: 512,
  });
  const line = [1, 2, 3, 4].map((n) => `using plain-value-${n}`).join(", ");
  assert.ok(!/plain-value/.test(redactor.text(line)), redactor.text(line));
});

Deno.test("Redactor takes hostile text in time that grows with its length alone", () => {
  const began = performance.now();
  for (
    const text of ["key".repeat(40_000), "a://".repeat(40_000), "token=".repeat(40_000), "--".repeat(80_000)]
  ) clean(text);
  assert.ok(performance.now() - began < 10_000);
});
