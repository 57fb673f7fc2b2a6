import assert from "node:assert/strict";
import { isLoopback, parseHttpUrl, parseTarget } from "../../lib/address.ts";

Deno.test("addresses are checked strictly", () => {
  assert.equal(parseTarget("127.0.0.1:70000"), null);
  assert.equal(parseTarget("127.0.0.1"), null);
  assert.equal(parseTarget("a b:1"), null);
  assert.equal(parseHttpUrl("ftp://x/y"), null);
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0"]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ["10.0.0.1", "example.org", "1270.0.0.1", "127.evil.org"]) {
    assert.ok(!isLoopback(host), host);
  }
});
