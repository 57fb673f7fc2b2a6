import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { routes } from "../../../lib/api/registry.ts";
import { openApi } from "../../../lib/api/openapi.ts";
import { serveControl } from "../../../lib/api/mod.ts";
import { recordOf } from "../../../lib/shape.ts";
import { bootRecord } from "../../support/boot_records.ts";
import { ask, makeFolder, Target } from "./support.ts";

const document = openApi(routes);

/** What the document says of the answer `status` of a route. */
function answerSchema(path: string, method: string, status: number) {
  const operation = recordOf(recordOf(recordOf(document.paths)[path])[method.toLowerCase()]);
  const answer = recordOf(recordOf(operation.responses)[status]);
  assert.ok(answer.content, `${method} ${path} has no ${status} of its own`);
  const schema = recordOf(recordOf(recordOf(answer.content)["application/json"]).schema);
  return new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
}

Deno.test("openApi() names every route once, and nothing that is not there", () => {
  const told = Object.entries(document.paths as Record<string, Record<string, unknown>>)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  assert.deepEqual(told, routes.map(({ method, path }) => `${method} ${path}`));
  for (
    const [, kind = "", name = ""] of JSON.stringify(document).matchAll(
      /"\$ref":"#\/components\/(\w+)\/(\w+)"/g,
    )
  ) {
    assert.ok(name in recordOf(recordOf(document.components)[kind]), `${kind}/${name}`);
  }
});

Deno.test("what the server answers is as its document says", async () => {
  using folder = makeFolder();
  const target = new Target();
  target.boots = (last) => [bootRecord(1), bootRecord(2)].slice(-last);
  const finding = {
    id: "port-held",
    severity: "fail",
    title: "held",
    what: "by pid 1",
    mend: "kill 1",
  } as const;
  const report = { healthy: false, findings: [finding], fine: ["heat"], unjudged: [], unread: [], ms: 3 };
  target.doctor = () => Promise.resolve(report);
  await using _server = await serveControl(folder.socket, target);
  const cases: [method: string, target: string, path: string, status: number][] = [
    ["GET", "/v1/status", "/v1/status", 200],
    ["GET", "/v1/services", "/v1/services", 200],
    ["POST", "/v1/services/kwd/restart", "/v1/services/{name}/restart", 200],
    ["POST", "/v1/services/nobody/restart", "/v1/services/{name}/restart", 404],
    ["GET", "/v1/boots?last=1", "/v1/boots", 200],
    ["GET", "/v1/boots?last=0", "/v1/boots", 400],
    ["GET", "/v1/boots?last=1e3", "/v1/boots", 400],
    ["GET", "/v1/boots/last", "/v1/boots/{id}", 200],
    ["GET", "/v1/boots/zzz", "/v1/boots/{id}", 404],
    ["GET", "/v1/vram", "/v1/vram", 200],
    ["GET", "/v1/doctor", "/v1/doctor", 200],
    ["GET", "/v1/openapi.json", "/v1/openapi.json", 200],
    ["POST", "/v1/stop", "/v1/stop", 202],
  ];
  for (const [method, asked, path, status] of cases) {
    const answer = await ask(folder.socket, method, asked);
    assert.equal(answer.status, status, asked);
    const fits = answerSchema(path, method, status);
    assert.ok(fits(answer.json), `${asked}: ${JSON.stringify(fits.errors)}`);
  }
  assert.deepEqual((await ask(folder.socket, "GET", "/v1/doctor")).json, report);
  delete target.boots;
  assert.equal((await ask(folder.socket, "GET", "/v1/boots")).status, 501);
});
