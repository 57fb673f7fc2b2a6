/**
 * How often a service is asked while it is not ready, as it sees that itself. `PACE_SEC=30` looks as long as a large
 * model loads. Spec: §6; CONTRACT §2.
 */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

const loadingMs = 1000 * Number(Deno.env.get("PACE_SEC") ?? 4);

/** Answers 503 for a while and logs each request on its standard output, as most servers do. */
const server = `
import http.server, os, sys, time
began = time.monotonic()
asked = open(sys.argv[2], "w", buffering=1)
loading = float(sys.argv[3])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ms = (time.monotonic() - began) * 1000
        print(f"{ms:.0f} GET {self.path}", file=asked)
        print("GET", self.path, flush=True)
        self.send_response(200 if ms > loading else 503)
        self.end_headers()
    def log_message(self, *args):
        print("request done", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;

/** When it was asked while it loaded: ms since the first question. */
async function asked(loadingMs: number, loaderKeys: Record<string, unknown> = {}): Promise<number[]> {
  await using home = new TestHome();
  const port = lowPort();
  const file = `${home.dir}/asked`;
  const config = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: {
        startup_sequence: ["stt"],
        shutdown_sequence: ["stt"],
        port_hygiene: { ports: { stt: port } },
        timeouts: { stt_ready_sec: loadingMs / 1000 + 30 },
        ...loaderKeys,
      },
      services: {
        stt: {
          cmd: ["python3", "-c", server, `${port}`, file, `${loadingMs}`],
          readiness: { type: "http", url: `http://127.0.0.1:${port}/ready` },
          warmup: { kind: "none" },
        },
      },
    }),
  );
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/SYSTEM_READY:/, loadingMs + 20_000);
  assert.equal(await loader.interrupt(), 0);
  const at = Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").map(parseFloat);
  return at.filter((ms) => ms <= loadingMs).map((ms) => ms - at[0]!);
}

Deno.test({
  name:
    "P1: a server that logs each request is asked ten times in the first second and four times a second later",
  ignore: withoutPython,
  async fn() {
    const at = await asked(loadingMs);
    const seconds = Array.from(
      { length: loadingMs / 1000 },
      (_, second) => at.filter((ms) => Math.floor(ms / 1000) === second).length,
    );
    if (Deno.env.get("PACE_SEC")) console.log(`questions in each second: ${seconds.join(" ")}`);
    assert.ok(seconds[0]! <= 11 && seconds.slice(1).every((count) => count <= 5), seconds.join(" "));
    assert.ok(at.length >= loadingMs / 1000, "it was asked all the time");
  },
});

Deno.test({
  name: "readiness_poll_ms is the slowest pace: with a long one, a server is asked less and less often",
  ignore: withoutPython,
  async fn() {
    const at = await asked(3000, { readiness_poll_ms: 1500 });
    assert.ok(at.length <= 12, `asked at ${at}`);
  },
});
