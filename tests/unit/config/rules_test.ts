import assert from "node:assert/strict";
import { edited, load, marks, problemsOf, specText } from "../../support/config_edit.ts";

/** The warnings' texts, after checking that they stand at the marks. */
function warningsOf(...edits: [string, string][]): string[] {
  const { text, places } = marks(edited(...edits));
  const { warnings } = load(text);
  assert.deepEqual(warnings.map(({ line, column }) => ({ line, column })), places);
  return warnings.map((warning) => warning.message);
}

Deno.test("a hygiene port that differs from the readiness port is a warning", () => {
  const text = warningsOf(["stt: 5002", "stt: ‸5012"])[0]!;
  assert.match(text, /port_hygiene has port 5012, but its readiness is asked on port 5002/);
});

Deno.test("a tcp probe of another host cannot check the owner: a warning, unless any owner will do", () => {
  const probe = '{ type: "tcp", host: "127.0.0.1", port: 5002 }';
  assert.match(
    warningsOf([probe, '{ type: tcp, host: ‸"10.0.0.7", port: 5002 }'])[0]!,
    /on this machine only/,
  );
  assert.deepEqual(warningsOf([probe, '{ type: tcp, host: "10.0.0.7", port: 5002, owner: any }']), []);
});

Deno.test("keys without effect on an external service are warnings", () => {
  const warnings = warningsOf(
    ['    cmd: ["python", "-m", "services.kwd_service"]\n', "    manage: external\n    ‸grace_sec: 3\n"],
    ["    threads: 2", "    ‸threads: 2"],
    ["{ kwd: 5001", "{ ‸kwd: 5001"],
  );
  assert.equal(warnings.length, 3);
});

Deno.test("an external service has neither standby nor output nor a listener of ours", () => {
  const external: [string, string] = [
    '    cmd: ["python", "-m", "services.stt_service"]\n',
    "    manage: external\n",
  ];
  const probe = '{ type: "tcp", host: "127.0.0.1", port: 5002 }';
  const say = (text: string) => problemsOf(text).map((problem) => problem.message).join("\n");
  assert.match(
    say(edited(external, ["    mmapped: true\n    w", "    prepare: { standby: true }\n    w"])),
    /has a standby/,
  );
  assert.match(say(edited(external, [probe, "{ type: notify }"])), /READY=1 never reaches/);
  assert.match(say(edited(external, [probe, "{ type: log, pattern: up }"])), /output never reaches/);
  for (const asked of ["type: tcp, port: 5002", "type: http, url: 'http://127.0.0.1:5002/'"]) {
    assert.match(say(edited(external, [probe, `{ ${asked}, owner: service }`])), /nobody's listener/);
  }
});

Deno.test("two spawned services cannot share a readiness port, a spawned and an external one can", () => {
  const shared: [string, string] = ["127.0.0.1:5004/healthz", "localhost:5001/healthz"];
  const ports: [string, string] = [", tts: 5004", ""];
  assert.match(problemsOf(edited(shared, ports))[0]!.message, /readiness of both kwd and tts/);
  const external: [string, string] = [
    '    cmd: ["python", "-m", "services.tts_service"]\n',
    "    manage: external\n",
  ];
  assert.deepEqual(load(edited(shared, ports, external)).warnings, []);
});

Deno.test("Ollama's own port is told from OLLAMA_HOST too", () => {
  assert.match(problemsOf(specText, { OLLAMA_HOST: "127.0.0.1:5003" })[0]!.message, /Ollama's own/);
  // Nobody said that this one is Ollama: odd, but not certain.
  const text = edited(['    server: "ollama"\n', ""], ["127.0.0.1:5003", "127.0.0.1:11434"], [
    "llm: 5003",
    "llm: 11434",
  ]);
  assert.equal(load(text).warnings.length, 1);
});

Deno.test("rules speak also when the schema has complaints about other places", () => {
  const text = edited(["gpu_index: 0", "gpu_index: x"], ["tts: 5004", "tts: 5001"], [
    "warmup: true",
    "warmup: 7",
  ]);
  assert.equal(problemsOf(text).length, 3);
});

Deno.test("a shorter shutdown than one service's grace is a warning", () => {
  assert.match(warningsOf(["kill_after_sec: 10", "kill_after_sec: ‸4"])[0]!, /per_service_grace_sec/);
});

Deno.test("tls and tokens: what belongs together is an error, what would do nothing a warning", () => {
  const wanted = (from: string, ...keys: string[]) =>
    edited([from, `${from}${keys.map((key) => `\n    ${key}`).join("")}`]);
  const say = (...keys: string[]) =>
    problemsOf(wanted("mmapped: true", ...keys)).map(({ message }) => message).join();
  assert.match(say("tls: { cert_file: a.pem }"), /cert_file without key_file/);
  assert.match(say("tls: { key_file: a.key }"), /key_file without cert_file/);
  assert.match(
    say("tls: { cert_file: a, key_file: b, server_name: c }"),
    /server_name does not go with cert_file/,
  );
  assert.match(say("token_file: a", "token_env: B"), /both token_file and token_env/);
  const http = 'readiness: { type: "http", url: "http://127.0.0.1:5001/ready", expect_code: 200 }';
  const warned = (text: string) => load(text).warnings.map(({ message }) => message).join();
  assert.match(warned(wanted(http, "tls: {}")), /"http:.*" stays without TLS/);
  assert.equal(warned(wanted(http, "token_file: a")), "", "nobody is on the way");
  const away = edited(['"http://127.0.0.1:5001/ready"', '"http://gpu-box:5001/ready"'], [
    "expect_code: 200 }",
    "expect_code: 200 }\n    token_env: A",
  ]);
  assert.match(warned(away), /whoever is on the way reads the token/);
  assert.match(warned(wanted("mmapped: true", "token_env: A")), /nothing carries the token/);
});

Deno.test("an API for other machines needs both files of its TLS, and none on loopback alone", () => {
  const say = (keys: string) =>
    problemsOf(edited(["loader:\n", `loader:\n  control: { token_file: t, ${keys} }\n`])).map(({ message }) =>
      message
    )
      .join();
  assert.match(say('listen: "0.0.0.0:5443"'), /can be reached by other machines/);
  assert.match(say('listen: "127.0.0.1:5443", cert_file: a'), /half of its TLS/);
  assert.match(say('listen: "somewhere"'), /no address that can be listened at/);
  for (const fine of ['listen: "127.0.0.1:5443"', 'listen: "[::]:5443", cert_file: a, key_file: b']) {
    load(edited(["loader:\n", `loader:\n  control: { token_file: t, ${fine} }\n`]));
  }
});
