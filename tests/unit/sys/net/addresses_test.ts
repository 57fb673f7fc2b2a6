import assert from "node:assert/strict";
import { isPublicIpv4, ownAddresses } from "../../../../lib/sys/net/addresses.ts";
import { listeners } from "../../../../lib/sys/process/precheck.ts";

Deno.test("isPublicIpv4() knows the ranges that are for private use", () => {
  const of = (text: string) => text.split(" ").filter(isPublicIpv4);
  assert.deepEqual(of("10.1.2.3 127.0.0.1 172.16.0.1 172.31.9.9 192.168.1.1 169.254.0.1 100.64.0.1"), []);
  assert.deepEqual(of("0.0.0.0 224.0.0.1 192.0.2.2 198.51.100.7 203.0.113.9 ::1 fe80::1 1.2.3 a.b.c.d"), []);
  const all = "8.8.8.8 172.32.0.1 100.128.0.1 192.1.2.3 203.0.114.1";
  assert.deepEqual(of(all), all.split(" "));
});

Deno.test("ownAddresses() has loopback", () => assert.ok(ownAddresses().includes("127.0.0.1")));

Deno.test({
  name: "listeners() tells on which address somebody listens",
  ignore: Deno.build.os !== "linux",
  fn() {
    for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
      using listener = Deno.listen({ port: 0, hostname });
      const { port } = listener.addr as Deno.NetAddr;
      assert.deepEqual(listeners(port), [{ port, address: hostname, uid: Deno.uid()! }]);
    }
  },
});
