import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Ajv2020 } from "ajv/dist/2020.js";
import { configJsonSchema, type JsonSchema } from "../../../lib/config/json_schema.ts";
import { configReference, schemaText } from "../../../lib/config/reference.ts";
import { parse } from "yaml";
import { edited, load, specText } from "../../support/config_edit.ts";

Deno.test("config/loader.yaml is the specification's block, byte for byte", () => {
  const hash = createHash("sha256").update(specText).digest("hex");
  assert.equal(hash, "f6b5a98704b2665492b0ec85ced75c8f3415fdb84d14d056059320e0105f8e3a");
});

Deno.test("parseConfig() accepts the specification's configuration without a warning", () => {
  const { config, warnings } = load(specText);
  assert.deepEqual(warnings, []);
  assert.deepEqual(Object.keys(config.services), ["kwd", "stt", "llm", "tts"]);
  assert.equal(config.loader.port_hygiene.ports.llm, 5003);
});

Deno.test("parseConfig() has the specification's values as defaults", () => {
  const spec = load(specText).config;
  const bare = load(`
loader:
  startup_sequence: [kwd]
  shutdown_sequence: [kwd]
services:
  kwd: { cmd: [x], readiness: { type: notify } }
`).config;
  const { startup_sequence: _a, shutdown_sequence: _b, port_hygiene: wanted, ...rest } = spec.loader;
  const { startup_sequence: _c, shutdown_sequence: _d, port_hygiene: found, ...bareRest } = bare.loader;
  assert.deepEqual(bareRest, rest);
  assert.deepEqual(found, { ...wanted, ports: {} });
});

Deno.test("LoadedConfig.given tells what is written from what is a default", () => {
  const { given } = load(edited(["    llm_ready_sec: 90\n", ""]));
  assert.ok(given.has("loader.timeouts.kwd_ready_sec"));
  assert.ok(!given.has("loader.timeouts.llm_ready_sec"));
  assert.ok(given.has("services.kwd.cmd[0]"));
});

Deno.test("config/loader.schema.json is what the schema says", () => {
  const url = new URL("../../../config/loader.schema.json", import.meta.url);
  assert.equal(Deno.readTextFileSync(url), schemaText(configJsonSchema()), "run `deno task generate`");
});

Deno.test("the JSON Schema accepts the specification's configuration and refuses a broken one", () => {
  const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
    configJsonSchema(),
  );
  assert.ok(validate(parse(specText)), JSON.stringify(validate.errors));
  assert.ok(!validate(parse(edited(["gpu_index: 0", "gpu_idx: 0"]))));
  assert.ok(!validate(parse(edited(["port: 5002", "port: 500200"]))));
  assert.ok(!validate(parse(edited(["  stt:\n", "  Stt:\n"]))));
});

Deno.test("every key of the JSON Schema is described", () => {
  const nameless: string[] = [];
  const visit = (schema: JsonSchema, at: string) => {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (!property.description) nameless.push(`${at}.${key}`);
      visit(property, `${at}.${key}`);
    }
    for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) visit(option, at);
    if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties, `${at}.*`);
    for (const [name, definition] of Object.entries(schema.$defs ?? {})) visit(definition, name);
  };
  visit(configJsonSchema(), "");
  assert.deepEqual(nameless, []);
});

Deno.test("configReference() names every key of the specification's configuration", () => {
  const reference = configReference(configJsonSchema());
  const keys = (value: unknown): string[] =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? []
      : Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner)]);
  const names = ["kwd", "stt", "llm", "tts", "loader", "services"];
  for (const key of keys(parse(specText))) {
    if (!names.includes(key)) assert.ok(reference.includes(`| \`${key}\` |`), key);
  }
  assert.ok(reference.includes("\n## services → name → health\n"));
  assert.ok(reference.includes("| `readiness_poll_ms` | a number 1..60000 | `250` |"));
});
