import assert from "node:assert/strict";
import { expand, expandAll } from "../../../lib/config/expand.ts";
import { edited, load } from "../../support/config_edit.ts";

const env = { HOME: "/home/me", A: "one", EMPTY: "", LOOP: "${LOOP}" };

Deno.test("expand() replaces ~ at the beginning and ${VAR} anywhere", () => {
  const cases: [string, string][] = [
    ["~", "/home/me"],
    ["~/models", "/home/me/models"],
    ["~you/models", "~you/models"],
    ["a~", "a~"],
    ["${A}/x/${A}", "one/x/one"],
    ["[${EMPTY}]", "[]"],
    ["${LOOP}", "${LOOP}"],
    ["$$", "$"],
    ["$${A}", "${A}"],
    ["$5 and $A", "$5 and $A"],
    ["100$", "100$"],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(expand(text, env), { ok: true, text: wanted }, text);
});

Deno.test("expand() says what it cannot expand", () => {
  assert.deepEqual(expand("x ${NOT} y", env), { ok: false, inside: "${NOT}", name: "NOT" });
  assert.deepEqual(expand("x ${1} y", env), { ok: false, inside: "${1}", name: null });
  assert.deepEqual(expand("x ${A", env), { ok: false, inside: "${A", name: null });
  assert.deepEqual(expand("~/x", {}), { ok: false, inside: "~", name: "HOME" });
});

Deno.test("expandAll() touches commands, environment and paths, and nothing else", () => {
  const loaded = load(
    edited(
      ["  gpu_index: 0", "  gpu_index: 0\n  state_dir: ~/state"],
      ["unix_sockets: []", 'unix_sockets: ["${A}.sock"]'],
      ["    threads: 2", '    workdir: "~/w"\n    env: { P: "${A}:x", N: 3 }\n    model: "${A}"'],
      ['"services.kwd_service"', '"--dir=${A}", "@demo"'],
      ["Hi Master. Ready to serve.", "I cost $${A}, ${A}."],
    ),
    env,
  );
  const { loader, services } = loaded.config;
  assert.equal(loader.state_dir, "/home/me/state");
  assert.deepEqual(loader.port_hygiene.unix_sockets, ["one.sock"]);
  assert.equal(services.kwd!.workdir, "/home/me/w");
  assert.deepEqual(services.kwd!.env, { P: "one:x", N: 3 });
  assert.deepEqual(services.kwd!.cmd, ["python", "-m", "--dir=one", "@demo"]);
  assert.equal(services.kwd!.model, "${A}");
  assert.equal(loader.post_boot_greeting.text, "I cost $${A}, ${A}.");
});

Deno.test("expandAll() refuses a NUL character in a command", () => {
  const { findings } = expandAll({ services: { kwd: { cmd: ["a\0b"] } } }, env);
  assert.deepEqual(findings.map((finding) => finding.path), [["services", "kwd", "cmd", 0]]);
});
