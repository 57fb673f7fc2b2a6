import assert from "node:assert/strict";
import fc from "fast-check";
import { parseNotify } from "../../../lib/protocols/sd_notify.ts";

const parse = (text: string) => parseNotify(new TextEncoder().encode(text));

Deno.test("parseNotify() reads every field it knows, from one datagram", () => {
  const said = parse(
    "READY=1\nSTATUS=Loading 40 %\nEXTEND_TIMEOUT_USEC=2500000\nWATCHDOG=1\nSTOPPING=1\nX_ALEXA_PREPARED=1\nMAINPID=4711\nX_ALEXA_TURN={}\n",
  );
  assert.deepEqual(said, {
    ready: true,
    status: "Loading 40 %",
    extendTimeoutMs: 2500,
    watchdog: true,
    stopping: true,
    prepared: true,
    inFlight: null,
    turn: "{}",
    mainPid: 4711,
  });
});

Deno.test("parseNotify() passes over what it does not know or cannot believe", () => {
  const said = parse(
    "READY=0\nREADY\nBARRIER=1\nFDSTORE=1\nEXTEND_TIMEOUT_USEC=-5\nMAINPID=1\nWATCHDOG=trigger\n=\n\n",
  );
  assert.deepEqual(said, {
    ready: false,
    status: null,
    extendTimeoutMs: null,
    watchdog: false,
    stopping: false,
    prepared: false,
    inFlight: null,
    turn: null,
    mainPid: null,
  });
  assert.equal(parse("MAINPID=99999999999").mainPid, null);
  assert.equal(parse("EXTEND_TIMEOUT_USEC=1e9").extendTimeoutMs, null);
});

Deno.test("parseNotify() makes a status fit for a terminal, and bounds it", () => {
  assert.equal(parse("STATUS=\x1b[31mred\x07\ttext\x1b[0m").status, "[31mred text [0m");
  assert.equal(parse(`STATUS=${"é".repeat(3000)}`).status, "é".repeat(200));
});

Deno.test("parseNotify() reads nothing behind the 4096th byte", () => {
  assert.equal(parse(`X=${"y".repeat(4094)}\nREADY=1`).ready, false);
});

Deno.test("parseNotify() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (datagram) => {
    const { status, mainPid } = parseNotify(datagram);
    assert.ok(status === null || Array.from(status).length <= 200);
    assert.ok(mainPid === null || mainPid > 1);
  }));
});

Deno.test("parseNotify() reads how many requests are in flight", () => {
  const inFlight = (text: string) => parseNotify(new TextEncoder().encode(text)).inFlight;
  assert.equal(inFlight("X_ALEXA_BUSY=2"), 2);
  assert.equal(inFlight("WATCHDOG=1\nX_ALEXA_BUSY=0"), 0);
  assert.equal(inFlight("X_ALEXA_BUSY=many"), null);
  assert.equal(inFlight("X_ALEXA_BUSY=-1"), null);
});
