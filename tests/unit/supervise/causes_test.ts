/** One case for each cause, however often it strikes, until all is well again. */
import assert from "node:assert/strict";
import type { Fact } from "../../../lib/model/events.ts";
import type { Fault } from "../../../lib/model/states.ts";
import { caseText, Causes } from "../../../lib/supervise/causes.ts";

const at = new Date("2026-01-02T03:12:04Z");
const exited = (code: number, line: string): Fault => ({
  kind: "exited",
  status: { code, signal: null },
  afterMs: 1000 + code,
  beforeReady: true,
  lastLines: [line],
  background: null,
});
const fault = (fault: Fault, last = false): Fact => ({
  fact: "fault",
  service: "tts",
  fault,
  verdict: last ? { kind: "give_up", why: "3 restarts in 600 s" } : {
    kind: "restart",
    attempt: 1,
    of: 3,
    delayMs: 0,
  },
  awaySince: null,
});
const state = (to: "up" | "starting"): Fact => ({
  fact: "state",
  service: "tts",
  from: "idle",
  to,
  desired: "up",
});

Deno.test("Causes keeps the first fault as the cause, counts what follows, and forgets all when it is up", () => {
  const causes = new Causes();
  const note = (...facts: Fact[]) => facts.forEach((fact) => causes.note(fact, at));
  note(state("up"));
  assert.equal(causes.of("tts"), null);
  note(
    fault(exited(1, "out of memory")),
    fault(exited(2, "port in use")),
    fault(exited(2, "port in use"), true),
  );
  const left = ["pid 8812 (piper) holds port 5004"];
  const report = { ms: 1, how: null, killed: false, left, stuck: false };
  note({ fact: "stopped", service: "tts", report, known: true });
  assert.match(
    caseText(causes.of("tts")!),
    /^Exited with code 1 after 1\.0s \("out of memory"\) at \d\d:\d\d:04; 2 restarts failed: Exited with code 2 after 1\.0s \("port in use"\); in the way: pid 8812 \(piper\) holds port 5004; given up \(3 restarts in 600 s\)$/,
  );
  note(state("starting"), state("up"));
  assert.equal(causes.of("tts"), null);
});

Deno.test("Causes names the reload whose settings a service was never up with, and none after it was", () => {
  const causes = new Causes();
  const difference = { added: ["tts"], removed: [], changed: [], loader: [], postponed: [] };
  const reloaded: Fact = {
    fact: "reloaded",
    by: "SIGHUP",
    reload: 7,
    difference,
    starts: [{ service: "tts", p95_ms: null }],
  };
  for (const fact of [reloaded, state("starting"), fault(exited(1, "x"))]) causes.note(fact, at);
  assert.equal(causes.of("tts")!.reload, 7);
  for (const fact of [state("up"), fault(exited(1, "x"))]) causes.note(fact, at);
  assert.equal(causes.of("tts")!.reload, null);
});

Deno.test("Causes knows what a start waits for, and since when", () => {
  const causes = new Causes();
  causes.note(state("starting"), at);
  const waiting = { waitedMs: 10_000, limitMs: 60_000, missing: "503, loading", lastOutput: null };
  causes.note({ fact: "waiting", service: "tts", ...waiting }, new Date());
  assert.deepEqual(causes.stand("tts"), { since: at, missing: "503, loading" });
});
