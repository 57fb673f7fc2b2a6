import assert from "node:assert/strict";
import { parse } from "yaml";
import { parseConfig } from "../../../lib/config/mod.ts";
import { demoConfig, withFreePorts } from "../../../lib/demo/config.ts";
import { parseDemoArguments } from "../../../lib/demo/options.ts";

const addresses = (yaml: string) => {
  const { loader, services } = parse(yaml);
  return {
    ports: loader.port_hygiene.ports,
    kwd: services.kwd.readiness.url,
    stt: services.stt.readiness.port,
    llm: services.llm.readiness.target,
    llmHttp: services.llm.warmup.url,
    llmCmd: services.llm.cmd.at(-1),
    tts: services.tts.readiness.url,
  };
};

Deno.test("demoConfig has the specification's order and greeting", () => {
  const { loader, services } = parse(demoConfig);
  const specification =
    parse(Deno.readTextFileSync(new URL("../../../config/loader.yaml", import.meta.url))).loader;
  for (
    const key of ["startup_sequence", "shutdown_sequence", "timeouts", "restart_policy", "post_boot_greeting"]
  ) {
    assert.deepEqual(loader[key], specification[key], key);
  }
  assert.deepEqual(loader.port_hygiene.ports, specification.port_hygiene.ports);
  for (const [name, { cmd: [first, ...rest] }] of Object.entries<{ cmd: string[] }>(services)) {
    assert.equal(first, "@demo");
    const parsed = parseDemoArguments(rest);
    assert.ok(parsed.ok && parsed.role === name);
  }
});

Deno.test("demoConfig loads without a warning", () => {
  assert.deepEqual(parseConfig(demoConfig, "<demo>", Deno.env.toObject()).warnings, []);
});

Deno.test("withFreePorts() replaces every port everywhere, and asks once for each", () => {
  const asked: number[] = [];
  const moved = withFreePorts(demoConfig, (port) => {
    asked.push(port);
    return port + 20_000;
  });
  assert.deepEqual(asked.toSorted(), [5001, 5002, 5003, 5004, 5005]);
  assert.deepEqual(addresses(moved), {
    ports: { kwd: 25001, stt: 25002, llm: 25003, tts: 25004 },
    kwd: "http://127.0.0.1:25001/ready",
    stt: 25002,
    llm: "127.0.0.1:25003",
    llmHttp: "http://127.0.0.1:25005/control/warmup",
    llmCmd: "25005",
    tts: "http://127.0.0.1:25004/healthz",
  });
});

Deno.test("withFreePorts() changes nothing when the usual ports are free", () => {
  assert.equal(withFreePorts(demoConfig, (port) => port), demoConfig);
});

Deno.test("withFreePorts() asks again for a port that is given away, and gives up on nonsense", () => {
  let next = 6000;
  const moved = withFreePorts(demoConfig, () => Math.floor(next++ / 2));
  assert.equal(new Set(Object.values(addresses(moved).ports)).size, 4);
  assert.throws(() => withFreePorts(demoConfig, () => 7000), RangeError);
  assert.throws(() => withFreePorts(demoConfig, () => 0), RangeError);
});
