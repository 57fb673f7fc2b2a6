import assert from "node:assert/strict";
import { kindOf } from "../../../../lib/sys/files/files.ts";
import { NotifySocket } from "../../../../lib/sys/net/notify_socket.ts";
import { sendNotification } from "../../../../lib/sys/net/server.ts";
import { until } from "../../../support/strangers.ts";

Deno.test("NotifySocket hands over each datagram, replaces a dead socket, and leaves no file", async () => {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/stt.notify`;
  try {
    Deno.listenDatagram({ transport: "unixpacket", path }).close(); // what a killed loader leaves
    assert.equal(kindOf(path), "socket");
    const heard: string[] = [];
    const socket = new NotifySocket(path, (datagram) => heard.push(new TextDecoder().decode(datagram)));
    for (const text of ["STATUS=loading\n", "READY=1", "X".repeat(5000), "WATCHDOG=1"]) {
      assert.equal(await sendNotification(path, text), true);
    }
    await until(() => heard.length === 4);
    assert.deepEqual(heard.map((text) => text.slice(0, 20)), [
      "STATUS=loading\n",
      "READY=1",
      "X".repeat(20),
      "WATCHDOG=1",
    ]);
    assert.equal(heard[2]!.length, 4096, "bounded");
    await socket[Symbol.asyncDispose]();
    assert.equal(kindOf(path), null);
    assert.equal(await sendNotification(path, "READY=1"), false);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
