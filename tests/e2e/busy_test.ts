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
