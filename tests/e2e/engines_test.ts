/** The assistant of docs/engines.md, with peers that are true to the protocols in the engines' places. Spec: §9, §10, §14. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { wyomingTest } from "../support/reference_python.ts";

const page = Deno.readTextFileSync(new URL("../../docs/engines.md", import.meta.url));
const peer = new URL("../support/peers/wyoming_reference_peer.py", import.meta.url).pathname;

/** As llama-server: the port is open, and `/health` says 503 until the model is there. */
const llamaServer = `
import http.server, json, sys, time
loaded = time.monotonic() + 0.5
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        ready = time.monotonic() > loaded
        known = {"/health": {"status": "ok"}, "/props": {"is_sleeping": False}, "/v1/models": {"data": [{"id": "m"}]}}
        if not ready: return self.answer(503, b'{"error":{"message":"Loading model"}}')
        self.answer(200 if self.path in known else 404, json.dumps(known.get(self.path)).encode())
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print(json.dumps({"type": self.path, "data": asked}), flush=True)
        self.answer(200, b'{"choices":[{"text":"Hello"}]}')
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;

wyomingTest(
  "an assistant of four engines boots from the documentation's one file, and greets",
  async (python) => {
    await using home = new TestHome();
    const played = home.write("player", `#!/bin/sh\ncp "$1" ${home.dir}/played\nsleep 1\n`);
    Deno.chmodSync(played, 0o755);
    const portOf = new Map<string, number>();
    const config = parse(/```yaml\n([^]+?)```/.exec(page)![1]!.replace(/\b(10[2347]00|8080)\b/g, (port) => {
      if (!portOf.has(port)) portOf.set(port, lowPort());
      return String(portOf.get(port));
    }));
    const { wake, stt, llm, tts, kwd } = config.services;
    const stands = (
      kind: string,
      port: string,
      how: Record<string, unknown> = {},
    ) => [python, peer, kind, JSON.stringify({ port: portOf.get(port), ...how })];
    wake.cmd = stands("wake", "10400");
    stt.cmd = stands("asr", "10300");
    llm.cmd = [python, "-c", llamaServer, String(portOf.get("8080"))];
    // As Piper: while it speaks it answers nobody, for longer than three checks of its health.
    tts.cmd = stands("tts", "10200", { names: ["en_US-joe-medium"], tenths: 10, stalls: 1.5 });
    tts.control.player = [played];
    tts.health = { interval_sec: 0.2, timeout_ms: 100 };
    kwd.cmd = stands("satellite", "10700");

    const path = home.write("loader.yaml", JSON.stringify(config));
    await using loader = new LoaderProcess(home, ["up", "--config", path]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    await loader.waitLine(
      /TTS +WARNING = Does not answer its health check, but works: its CPU time advances/,
    );
    const at = (what: RegExp, from = 0) => {
      const found = loader.lines.findIndex(({ text }, i) => i >= from && what.test(text));
      assert.ok(found >= 0, `${what} is missing in\n${loader.log}`);
      return found;
    };
    // Each is asked for a real inference before the next one starts.
    for (
      const [one, next] of [[/STT.*"audio-stop"/, /LLM.*Starting/], [/LLM.*completions/, /TTS.*Starting/]]
    ) {
      assert.ok(at(one!) < at(next!), loader.log);
    }
    assert.ok(at(/TTS.*"synthesize"/) < at(/KWD.*Starting/), loader.log);
    assert.match(loader.lines[at(/STT.*"transcribe"/)]!.text, /"language": "en"/);
    // The greeting: the satellite is paused, spoken with the voice that is configured, and run again.
    const paused = at(/KWD.*"pause-satellite"/);
    const spoken = at(/TTS.*"synthesize".*Hi Master.*en_US-joe-medium/, paused);
    const finished = at(/TTS.*Greeting finished in/, spoken);
    at(/KWD.*"run-satellite"/, finished);
    assert.equal(Deno.statSync(`${home.dir}/played`).size, 44 + 44_100);
    // (What a server of the reference library prints of a health check that did not wait is its own.)
    assert.ok(!/restart \d|Stopped in|not heard|not offered/.test(loader.log), loader.log);
    assert.equal(await loader.interrupt(), 0, loader.log);
    await home.assertNothingLeft([...portOf.values()], loader.pid);
  },
);
