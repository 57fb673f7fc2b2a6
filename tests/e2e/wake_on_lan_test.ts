/** `wake_on_lan`: a machine that is down is switched on, at the start and after a loss, and waited for. CONTRACT §1. */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome } from "../support/loader_process.ts";
import { absorb, startTcpPeer } from "../support/peers/tcp_peer.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

Deno.test({
  name:
    "a machine that says nothing gets a magic packet, is waited for, and again after a loss; one that refuses does not",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    let awake = false, packets = 0;
    await using box = startTcpPeer(async (conn) => {
      if (!awake) return await absorb(conn); // a machine that sleeps: nothing comes back
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    });
    const card = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const listening = (async () => {
      for await (const [packet] of card) {
        packets++;
        awake = packet.length === 102 && packet[6] === 0xaa;
      }
    })().catch(() => {});
    const { config, portList } = assistant(home, {
      loader: { timeouts: { stt_ready_sec: 0.5 } },
      services: {
        stt: {
          cmd: undefined,
          manage: "external",
          readiness: { type: "http", url: `http://127.0.0.1:${box.port}/` },
          health: { interval_sec: 0.1, timeout_ms: 300 },
          warmup: false,
          wake_on_lan: {
            mac: "AA-00-00-00-00-01",
            broadcast: `127.0.0.1:${(card.addr as Deno.NetAddr).port}`,
            wait_sec: 20,
          },
        },
      },
    });
    const text = JSON.parse(Deno.readTextFileSync(config));
    delete text.services.stt.env;
    Deno.writeTextFileSync(config, JSON.stringify(text));
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const told = () => loader.messages("STT").filter((message) => message.includes("magic packet"));
    assert.deepEqual(told(), [
      "Its machine does not answer: magic packet for aa:00:00:00:00:01 sent, waiting up to 20.0s",
    ]);
    assert.equal(packets, 1, "once, not with each question");

    awake = false;
    await loader.waitLine(/STT .*Back after/);
    assert.deepEqual([packets, told().length], [2, 2]);
    assert.equal(await loader.interrupt(), 0, loader.log);
    card.close();
    await listening;
    await home.assertNothingLeft(portList.filter((port) => port !== box.port), loader.pid);
  },
});
