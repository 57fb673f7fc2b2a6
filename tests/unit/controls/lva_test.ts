import assert from "node:assert/strict";
import { lva } from "../../../lib/controls/lva.ts";
import { createService, KwdService } from "../../../lib/services/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { servicePlan, testContext } from "../../support/fake_service.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { startLvaPeer } from "../../support/peers/lva_peer.ts";
import { freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { withAsk } from "./support.ts";

const at = (port: number) => ({ kind: "lva", host: "127.0.0.1", port });
const ok = (...reasons: string[]) => ({
  state: "ok",
  status: 200,
  body: { paused: reasons.length > 0, reasons },
});
const kwdAt = (port: number) => {
  const plan = servicePlan("kwd", { control: at(port) });
  return createService(plan, testContext({ clock: systemClock })) as KwdService;
};
const ask = (timeoutMs = 5000) => ({ signal: new AbortController().signal, timeoutMs });

Deno.test("lva control: its microphone is muted for the greeting, and unmuted", async () => {
  await using peer = startLvaPeer();
  const kwd = kwdAt(peer.port);
  assert.deepEqual(await kwd.resume(ask()), ok());
  assert.deepEqual(await kwd.pause(ask()), ok("boot_greeting"));
  assert.equal(peer.muted, true);
  assert.deepEqual(await kwd.resume(ask()), ok());
  assert.equal(peer.muted, false);
  assert.deepEqual(peer.commands, ["mute_mic", "unmute_mic"]);
});

Deno.test("lva control: a mute that a person set stays, and a fresh copy is muted again", async () => {
  await using peer = startLvaPeer({ muted: true });
  const kwd = kwdAt(peer.port);
  assert.deepEqual(await kwd.pause(ask()), ok("user", "boot_greeting"));
  assert.deepEqual(await kwd.resume(ask()), ok("user"));
  assert.deepEqual([peer.muted, peer.commands], [true, []]);
  peer.muted = false; // a fresh one
  await kwd.restoreMutes(ask());
  assert.deepEqual([peer.muted, peer.commands], [true, ["mute_mic"]]);
});

Deno.test("lva control: our own reasons are a set, and no person's", async () => {
  await using peer = startLvaPeer();
  const kwd = kwdAt(peer.port);
  await kwd.pause(ask());
  assert.deepEqual(await kwd.pause(ask()), ok("boot_greeting"));
  assert.deepEqual(await kwd.pause(ask(), "selftest"), ok("boot_greeting", "selftest"));
  assert.deepEqual(await kwd.resume(ask()), ok("selftest"));
  assert.equal(peer.muted, true);
  assert.deepEqual(await kwd.resume(ask(), "selftest"), ok());
  assert.deepEqual([peer.muted, peer.commands], [false, ["mute_mic", "unmute_mic"]]);
  await kwd.restoreMutes(ask());
  assert.equal(peer.muted, false, "nobody else muted it");
});

Deno.test("lva control: it is not unmuted while it speaks", async () => {
  await using peer = startLvaPeer();
  const kwd = kwdAt(peer.port);
  await kwd.pause(ask());
  peer.emit("tts_speaking");
  const connected = peer.client();
  const resuming = kwd.resume(ask());
  await connected;
  await systemClock.sleep(200);
  assert.deepEqual([peer.muted, peer.commands], [true, ["mute_mic"]]);
  peer.emit("tts_finished");
  assert.deepEqual(await resuming, ok());
  assert.equal(peer.muted, false);
});

Deno.test("trap: without Home Assistant it obeys nobody, and that is the sentence", async () => {
  await using peer = startLvaPeer({ connected: false });
  const answer = await kwdAt(peer.port).pause(ask(300));
  assert.deepEqual(answer, {
    state: "failed",
    detail:
      `ws://127.0.0.1:${peer.port}: no answer within 300 ms; Home Assistant is not connected to it, and before that it neither ` +
      "listens nor obeys",
  });
});

Deno.test("lva control: who is not there, silent, or no WebSocket has half a sentence", async () => {
  await using silent = silentPeer();
  await using dumb = startLvaPeer({ dumb: true });
  await using http = startHttpPeer(() => new Response("hello"));
  await withAsk(async (ask) => {
    const pause = async (port: number) => {
      const answer = await lva.mute!(at(port), "pause", "boot_greeting", ask);
      return answer.state === "failed" ? answer.detail.replace(`:${port}`, "") : assert.fail(answer.state);
    };
    assert.equal(await pause(freePort()), "ws://127.0.0.1: connection refused");
    assert.equal(await pause(dumb.port), "ws://127.0.0.1: no answer within 300 ms");
    assert.equal(await pause(silent.port), "ws://127.0.0.1: no answer within 300 ms");
    assert.equal(await pause(http.port), "ws://127.0.0.1: does not speak WebSocket");
    const gone = new AbortController();
    gone.abort(new Error("stop"));
    await assert.rejects(
      lva.mute!(at(dumb.port), "pause", "boot_greeting", { ...ask, signal: gone.signal }),
      /stop/,
    );
  }, 300);
});
