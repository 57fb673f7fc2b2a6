import assert from "node:assert/strict";
import { portOf } from "../../../lib/probes/kinds.ts";

Deno.test("portOf() finds the port of every kind of probe", () => {
  assert.equal(portOf({ type: "http", url: "http://[::1]/x" })?.port, 80);
  assert.equal(portOf({ type: "http", url: "https://a.b/x" })?.port, 443);
  assert.deepEqual(portOf({ type: "grpc", target: "[::1]:50051" }), {
    host: "::1",
    port: 50051,
    key: "target",
  });
  assert.deepEqual(portOf({ type: "wyoming", port: 10300 }), { host: "127.0.0.1", port: 10300, key: "port" });
  assert.equal(portOf({ type: "notify" }), null);
  assert.equal(portOf({ type: "http", url: "file:///x" }), null);
});
