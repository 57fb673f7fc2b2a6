import assert from "node:assert/strict";
import { freePort, isPortFree } from "../../../../lib/sys/net/ports.ts";

Deno.test("isPortFree() is false exactly while somebody listens", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assert.equal(isPortFree(port), false);
  listener.close();
  assert.equal(isPortFree(port), true);
  assert.equal(isPortFree(port), true, "the look itself holds nothing");
});

Deno.test("freePort() gives a port that can be bound", () => {
  const port = freePort();
  assert.ok(port > 0 && port < 65_536);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});
