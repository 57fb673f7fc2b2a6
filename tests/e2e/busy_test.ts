/** Busy is not dead: a service that works and cannot answer meanwhile lives on. Spec: §6; CONTRACT §1. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** One thread for all: once asked to work, it works, and answers nobody before it is done. */
const server = `
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path != "/work": return
        self.wfile.flush()
        self.connection.close()
        end = time.monotonic() + 2.5
        while time.monotonic() < end: pass
        print("done", flush=True)
import sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;

Deno.test({
  name: "P4: a service that speaks for longer than three checks take is not killed",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const port = lowPort();
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: { name: "t", startup_sequence: ["piper"], shutdown_sequence: ["piper"] },
        services: {
          piper: {
            cmd: ["python3", "-c", server, String(port)],
            readiness: { type: "http", url: `http://127.0.0.1:${port}/` },
            health: { interval_sec: 0.2, timeout_ms: 100 },
            warmup: false,
          },
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/entering SYSTEM_READY/);
    await fetch(`http://127.0.0.1:${port}/work`).then((answer) => answer.body?.cancel()).catch(() => {});
    await loader.waitLine(/PIPER.*Does not answer its health check, but works: its CPU time advances/);
    await loader.waitLine(/PIPER.*INFO = done/);
    assert.ok(!/restart 1 of 3|Stopped in/.test(loader.log), loader.log);
    assert.equal(await loader.interrupt(), 0, loader.log);
  },
});

/** It takes connections and answers none. What it says of itself comes from the file `says`, again and again. */
const silent = `
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    try: words = open(sys.argv[2], "rb").read()
    except FileNotFoundError: words = b""
    if words: notify.sendto(words, os.environ["NOTIFY_SOCKET"])
    time.sleep(0.02)
`;

for (
  const { id, word, sign, done } of [
    { id: "N06", word: "WATCHDOG=1", sign: "WATCHDOG=1 received", done: null },
    { id: "U09", word: "X_ALEXA_BUSY=2", sign: "2 in flight, as it reported", done: "X_ALEXA_BUSY=0" },
  ]
) {
  Deno.test({
    name: `${id}: a service that says ${word} is not dead for a health check that it does not answer`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const port = lowPort();
      const says = home.write("says", word);
      const config = home.write(
        "loader.yaml",
        JSON.stringify({
          loader: { name: "t", startup_sequence: ["llm"], shutdown_sequence: ["llm"] },
          services: {
            llm: {
              cmd: ["python3", "-c", silent, String(port), says],
              readiness: { type: "notify" },
              health: {
                probe: { type: "http", url: `http://127.0.0.1:${port}/` },
                interval_sec: 0.1,
                timeout_ms: 100,
                busy: { cpu: false },
              },
              warmup: false,
            },
          },
        }),
      );
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      const { message } = await loader.waitLine(/LLM.*Does not answer its health check/);
      assert.equal(message, `Does not answer its health check, but works: ${sign}`);
      assert.equal(loader.messages("LLM").filter((text) => text.startsWith("Starting")).length, 1);
      if (done !== null) {
        home.write("says", done);
        await loader.waitLine(/LLM.*Unhealthy: .*restart 1 of 3/);
      }
      assert.equal(await loader.interrupt(), 0, loader.log);
    },
  });
}
