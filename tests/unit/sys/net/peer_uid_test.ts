import assert from "node:assert/strict";
import { PeerUids } from "../../../../lib/sys/net/peer_uid.ts";
import { askAs } from "../../../support/ask_as.ts";
import { withProcesses } from "../../../support/with_processes.ts";

Deno.test("PeerUids tells who connected last, among others and their ends", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/a.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  using _other = Deno.listen({ transport: "unix", path: `${folder}/a.sock2` });
  const peers = new PeerUids(path);
  assert.equal(peers.newest(), null, "nobody has come");
  const connections: Deno.Conn[] = [];
  for (let i = 0; i < 5; i++) {
    const mine = await Deno.connect({ transport: "unix", path });
    connections.push(mine, await listener.accept());
    assert.equal(peers.newest(), Deno.uid());
    if (i % 2 === 0) connections.splice(0).forEach((conn) => conn.close());
  }
  assert.equal(peers.newest(), null, "nobody has come since");
  connections.forEach((conn) => conn.close());
  Deno.removeSync(folder, { recursive: true });
});

withProcesses.test({
  name: "PeerUids tells users apart",
  ignore: Deno.uid() !== 0, // only root can be several
  async fn() {
    const folder = Deno.makeTempDirSync();
    Deno.chmodSync(folder, 0o755);
    const path = `${folder}/a.sock`;
    using listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, 0o666);
    const peers = new PeerUids(path);
    const nameless: Deno.Conn[] = [];
    for (const uid of [65534, 0, 12345]) {
      const answered = askAs(uid, path);
      const conn = await listener.accept();
      // Ends without a name, newer than the one that is asked for: ours, and not to be taken for it.
      nameless.push(await Deno.connect({ transport: "unix", path }), await listener.accept());
      nameless.pop()!.close();
      assert.equal(peers.newest(), uid);
      conn.close();
      await answered.catch(() => {}); // cut off
    }
    nameless.forEach((conn) => conn.close());
    Deno.removeSync(folder, { recursive: true });
  },
});
