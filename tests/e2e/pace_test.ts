/** How often a service is asked while it is not ready, as it sees that itself. Spec: §6; CONTRACT §2. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

const loadingMs = 4000;

/** Answers 503 for a while and logs each request on its standard output, as most servers do. */
const server = `
import http.server, os, sys, time
began = time.monotonic()
asked = open(sys.argv[2], "w", buffering=1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ms = (time.monotonic() - began) * 1000
        print(f"{ms:.0f} GET {self.path}", file=asked)
        print("GET", self.path, flush=True)
        self.send_response(200 if ms > ${loadingMs} else 503)
        self.end_headers()
    def log_message(self, *args):
        print("request done", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;

Deno.test({
  name:
    "P1: a server that logs each request is asked ten times in the first second and four times a second later",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const port = lowPort();
    const asked = `${home.dir}/asked`;
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: {
          startup_sequence: ["stt"],
          shutdown_sequence: ["stt"],
          port_hygiene: { ports: { stt: port } },
        },
        services: {
          stt: {
            cmd: ["python3", "-c", server, `${port}`, asked],
            readiness: { type: "http", url: `http://127.0.0.1:${port}/ready` },
            warmup: { kind: "none" },
          },
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/SYSTEM_READY:/);
    assert.equal(await loader.interrupt(), 0);
    const at = Deno.readTextFileSync(asked).split("\n").filter((line) => line !== "").map(parseFloat);
    const loading = at.filter((ms) => ms <= loadingMs);
    for (let second = 0; second < loadingMs / 1000; second++) {
      const count = loading.filter((ms) =>
        ms - at[0] >= second * 1000 && ms - at[0] < (second + 1) * 1000
      ).length;
      assert.ok(count <= (second === 0 ? 11 : 5), `${count} questions in second ${second + 1}: ${loading}`);
    }
    assert.ok(loading.length >= 4, "it was asked all the time");
  },
});
