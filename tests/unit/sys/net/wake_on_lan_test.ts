import assert from "node:assert/strict";
import { magicPacket, sendMagicPacket } from "../../../../lib/sys/net/wake_on_lan.ts";

Deno.test("a magic packet is six times ff and the address sixteen times, and may be broadcast", async () => {
  const mac = "de:ad:be:ef:00:01";
  const packet = magicPacket(mac);
  assert.equal(packet.length, 102);
  assert.deepEqual([...packet.slice(0, 6)], Array(6).fill(0xff));
  for (let at = 6; at < 102; at += 6) {
    assert.deepEqual([...packet.slice(at, at + 6)], [0xde, 0xad, 0xbe, 0xef, 0, 1]);
  }
  const receiver = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = receiver.addr as Deno.NetAddr;
  assert.equal(await sendMagicPacket(mac, { host: "127.0.0.1", port }), null);
  const [got] = await receiver.receive();
  receiver.close();
  assert.deepEqual(got, packet);
  const anywhere = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const wide = await sendMagicPacket(mac, {
    host: "127.255.255.255",
    port: (anywhere.addr as Deno.NetAddr).port,
  });
  assert.equal(wide, null, "a broadcast is permitted");
  assert.deepEqual((await anywhere.receive())[0], packet);
  anywhere.close();
  assert.match((await sendMagicPacket(mac, { host: "no.such.host.invalid", port: 9 }))!, /\w/);
});
