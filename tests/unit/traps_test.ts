/**
 * What real servers do that one does not expect, and the line that says so: cause, what it means, what to do. Each is made
 * by a peer that is true to its protocol; docs/engines.md has the lines, word for word.
 */
import assert from "node:assert/strict";
import type { ControlAnswer, SpeakAnswer } from "../../lib/controls/answers.ts";
import { play } from "../../lib/controls/output.ts";
import { wyoming } from "../../lib/controls/wyoming.ts";
import { ruleBook } from "../../lib/doctor/judge.ts";
import type { GreetingStep, ServiceFact } from "../../lib/model/events.ts";
import type { ProbeSpec, WarmupSpec } from "../../lib/model/plan.ts";
import { encodeEvent, eventReader } from "../../lib/protocols/wyoming.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { connectTcp } from "../../lib/sys/net/tcp.ts";
import { sentences } from "../../lib/supervise/sentences.ts";
import { greetingSentences } from "../../lib/voice/sentences.ts";
import { coldCheck } from "../../lib/warmups/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { memoryLog, servicePlan } from "../support/fake_service.ts";
import { startGrpcPeer } from "../support/peers/grpc_health_peer.ts";
import { startHttpPeer } from "../support/peers/http_peer.ts";
import { startLvaPeer } from "../support/peers/lva_peer.ts";
import { startOllamaPeer } from "../support/peers/ollama_peer.ts";
import { startPeerBy } from "../support/peers/python_peer.ts";
import { answering } from "../support/peers/tcp_peer.ts";
import { wyomingPython } from "../support/reference_python.ts";
import { player, withAsk } from "./controls/support.ts";
import { checkOnce } from "./probes/support.ts";
import { common, warm } from "./warmups/support.ts";

const page = Deno.readTextFileSync(new URL("../../docs/engines.md", import.meta.url));
const paragraphs = new Map(
  [...page.matchAll(/^### (.+)\n\n```text\n(.+)\n```$/gm)].map(([, name, line]) => [name!, line!]),
);
const tried = new Set<string>();

/** `make` gives the line that is printed; "wyoming": by the reference library, "process": it starts one. */
function trap(name: string, needs: "wyoming" | "process" | null, make: () => Promise<string>): void {
  const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
  const withoutLibrary = needs === "wyoming" && wyomingPython === null;
  tried.add(name);
  Deno.test({
    name: `trap: ${name}${withoutLibrary ? " (skipped: needs pip install wyoming==1.10.2)" : ""}`,
    ignore: withoutLibrary || (needs !== null && !mayRun),
    async fn() {
      const line = (await make()).replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:5000").replace(
        /done after 0\.\d/,
        "done after 0.1",
      );
      assert.equal(line, paragraphs.get(name));
    },
  });
}

/** The line that the log has of a fact. */
function told(fact: ServiceFact | GreetingStep): string {
  const { log, lines } = memoryLog(new FakeClock());
  const plans = [servicePlan("it")];
  const observe = "step" in fact ? greetingSentences(log, () => plans) : sentences(log, () => plans);
  observe("step" in fact ? { fact: "greeting", service: "it", ...fact } : { ...fact, service: "it" });
  return lines[0]!.replace(/^IT /, "");
}
async function probed(spec: ProbeSpec): Promise<string> {
  const { state, detail } = await checkOnce(spec);
  if (state === "wrong") return told({ fact: "wrong", detail, again: false });
  return told({ fact: "waiting", waitedMs: 10_000, limitMs: 90_000, missing: detail, lastOutput: null });
}
async function warmed(spec: WarmupSpec): Promise<string> {
  const result = await warm(spec);
  if (result.state !== "failed") return told({ fact: "warmup", result, required: true });
  const fault = { kind: "warmup_failed", detail: result.detail } as const;
  const verdict = { kind: "restart", attempt: 1, of: 3, delayMs: 2000 } as const;
  return told({ fact: "fault", fault, verdict, awaySince: null });
}
function greeted(answer: SpeakAnswer): string {
  return answer.state === "failed"
    ? told({ step: "failed", detail: answer.detail })
    : assert.fail(answer.state);
}
function paused(answer: ControlAnswer): string {
  if (answer.state === "ok") assert.fail("it was paused");
  return told({ step: answer.state === "failed" ? "pause_refused" : "no_control", detail: answer.detail });
}

const wyomingAt = (port: number, more: Record<string, unknown> = {}) => ({
  kind: "wyoming",
  host: "127.0.0.1",
  port,
  voice: null,
  language: null,
  players: [],
  ...more,
});
const peerOf = (kind: string, how: unknown = {}) =>
  startPeerBy(wyomingPython!, "./wyoming_reference_peer.py", kind, JSON.stringify(how));
const completion = (url: string) => ({
  ...common,
  kind: "openai",
  url,
  model: "qwen",
  api: "completions",
  tokens: 1,
  timeoutMs: 600,
});
const ollama = (url: string, model: string) => ({
  ...common,
  kind: "ollama",
  url,
  model,
  tokens: 1,
  numCtx: 1024,
});
const silence = { rate: 8000, width: 2, channels: 1, samples: new Uint8Array(16_000) };
const never = new AbortController().signal;

trap("503 while loading", null, async () => {
  await using peer = startHttpPeer(() =>
    new Response('{"error":{"message":"Loading model"}}', { status: 503 })
  );
  return await probed({ type: "http", url: `${peer.origin}/health`, expectCode: 200, expectJson: null });
});

trap("port open before the model", null, async () => {
  await using peer = startHttpPeer(() => new Response("Loading model", { status: 503 }));
  return await warmed(completion(peer.origin));
});

Deno.test("trap: a port that is open before the model is waited for by the warm-up", async () => {
  let asked = 0;
  await using peer = startHttpPeer(() =>
    ++asked < 3 ? new Response("Loading model", { status: 503 }) : Response.json({ choices: [] })
  );
  assert.equal((await warm({ ...completion(peer.origin), timeoutMs: 5000 })).state, "warmed");
});

trap("constant-200 health with nothing loaded", null, async () => {
  await using peer = startHttpPeer(({ path }) =>
    path === "/health" ? new Response("OK") : new Response("CUDA out of memory", { status: 500 })
  );
  const url = `${peer.origin}/health`;
  assert.equal((await checkOnce({ type: "http", url, expectCode: 200, expectJson: null })).state, "ready");
  return await warmed(completion(peer.origin));
});

trap("model not in Ollama's list", null, async () => {
  await using peer = startOllamaPeer({ models: ["qwen3:0.6b"] });
  return await probed({ type: "ollama", url: peer.origin, model: "llama3.2" });
});

trap("model that an OpenAI-style server does not have", null, async () => {
  await using peer = startHttpPeer(({ path }) =>
    path === "/v1/models"
      ? Response.json({ data: [{ id: "llama-3.2-1b" }] })
      : Response.json({ message: "The model `qwen` does not exist." }, { status: 404 })
  );
  return await warmed(completion(peer.origin));
});

trap("unloaded after idle", null, async () => {
  await using peer = startOllamaPeer({ models: ["llama3.2:latest"] });
  await warm(ollama(peer.origin, "llama3.2"));
  peer.unload();
  const ask = coldCheck(ollama(peer.origin, "llama3.2"))!;
  const why = await ask({ clock: systemClock, signal: never, timeoutMs: 2000 });
  return told({ fact: "cold", why: why!, again: false });
});

trap("loaded anew by somebody with another context", null, async () => {
  await using peer = startOllamaPeer({ models: ["llama3.2:latest"], tellsContext: true });
  const ask = coldCheck(ollama(peer.origin, "llama3.2"))!;
  const look = () => ask({ clock: systemClock, signal: never, timeoutMs: 2000 });
  await warm(ollama(peer.origin, "llama3.2"));
  assert.equal(await look(), null);
  peer.reload(8192);
  return told({ fact: "cold", why: (await look())!, again: false });
});

trap("unknown wake word", "wyoming", async () => {
  await using peer = await peerOf("wake", { names: ["ok_nabu", "hey_jarvis_v0.1"] });
  return await probed({ type: "wyoming", host: "127.0.0.1", port: peer.port, expect: { wake: "alexa" } });
});

trap("missing voice", "wyoming", async () => {
  await using peer = await peerOf("tts", { names: ["en_US-joe-medium"] });
  return await warmed({
    ...common,
    ...wyomingAt(peer.port),
    ask: "synthesize",
    voice: "en_GB-alan-low",
    text: "Ready.",
  });
});

trap("second client of a satellite", "wyoming", async () => {
  await using peer = await peerOf("satellite");
  using owner = await connectTcp("127.0.0.1", peer.port, never);
  await owner.write(encodeEvent("ping", { text: "mine" }));
  await eventReader(owner).next();
  let line = "";
  await withAsk(async (ask) => {
    line = paused(await wyoming.mute!(wyomingAt(peer.port), "pause", "boot_greeting", ask));
  });
  return line;
});

trap("linux-voice-assistant without Home Assistant", null, async () => {
  const { lva } = await import("../../lib/controls/lva.ts");
  await using peer = startLvaPeer({ connected: false });
  let line = "";
  await withAsk(async (ask) => {
    const spec = { kind: "lva", host: "127.0.0.1", port: peer.port };
    line = paused(await lva.mute!(spec, "pause", "boot_greeting", ask));
  }, 300);
  return line;
});

trap("describe that stalls during a synthesis", null, async () =>
  // how that comes about: tests/e2e/engines_test.ts
  told({ fact: "busy", why: "its CPU time advances" }));

trap("HTTP where gRPC was configured", null, async () => {
  await using peer = answering("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  return (await probed({ type: "grpc", target: `127.0.0.1:${peer.port}`, service: "" })).replace(
    /\([^)]*\)/,
    "(…)",
  );
});

trap("wrong gRPC service name", null, async () => {
  await using peer = await startGrpcPeer(() => ({ error: 5 }));
  return await probed({ type: "grpc", target: peer.target, service: "llm" });
});

trap("sound tool missing", "process", async () => {
  let line = "";
  await withAsk(async (ask) => {
    line = greeted(await play(silence, { players: [["/no/pw-play"], ["/no/paplay"], ["/no/aplay"]] }, ask));
  });
  return line.replaceAll("/no/", "");
});

trap("PipeWire's socket not there yet", "process", async () => {
  let line = "";
  await withAsk(async (ask, folder) => {
    const down = player(
      folder,
      "pw-play",
      "echo 'error: pw_context_connect() failed: Host is down' >&2; exit 1",
    );
    const deaf = player(folder, "aplay", "exit 0");
    line = greeted(await play(silence, { players: [down, deaf] }, { ...ask, timeoutMs: 2100 })).replaceAll(
      `${folder}/`,
      "",
    );
  });
  return line;
});

trap("capture level zero", null, async () => {
  const rule = ruleBook.flatMap(({ rules }) => rules).find(({ id }) => id === "sound-muted")!;
  return `${rule.sees}: ${rule.mend}`;
});

Deno.test("docs/engines.md has a paragraph for each trap, and no other", () => {
  assert.deepEqual([...paragraphs.keys()].toSorted(), [...tried].toSorted());
});
