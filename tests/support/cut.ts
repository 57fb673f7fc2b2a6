/** A local assistant whose language model is on another machine, and a cable that is cut and healed. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome, until } from "./loader_process.ts";
import { Authority } from "./peers/tls_peer.ts";
import { assistant } from "./scenario.ts";
import { TwoHosts } from "./two_hosts.ts";

const intervalMs = 500, checkMs = 500, slackMs = 1000;
const token = "never-to-be-seen-anywhere";
const server = `
import http.server, ssl, sys
cert, key, host, port, token = sys.argv[1:]
class Llm(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        ok = self.headers.get("authorization") == "Bearer " + token
        body = b'{"choices":[{}]}'
        self.send_response(200 if ok else 401); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *_): pass
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(cert, key)
s = http.server.ThreadingHTTPServer((host, int(port)), Llm)
s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
s.serve_forever()
`;

export interface Round {
  degradedMs: number;
  backMs: number;
}

/** Cuts for `cutMs`, `rounds` times, by turns at our end and at the other. Throws at the first promise that is broken. */
export async function cutStorm(
  { rounds, cutMs, onRound = () => {} }: { rounds: number; cutMs: number; onRound?: (round: Round) => void },
): Promise<Round[]> {
  using hosts = new TwoHosts();
  using ours = new Authority();
  await using home = new TestHome();
  const { cert, key } = ours.sign("box", `IP:${hosts.boxAddress}`);
  const [program, ...args] = [
    ...hosts.on(hosts.box),
    "python3",
    "-c",
    server,
    cert,
    key,
    hosts.boxAddress,
    "8443",
    token,
  ];
  await using box = new Ended(new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).spawn());
  void box;
  const { config, portList } = assistant(home, {
    services: {
      llm: {
        cmd: undefined,
        manage: "external",
        readiness: { type: "http", url: `https://${hosts.boxAddress}:8443/health` },
        health: { interval_sec: intervalMs / 1000, timeout_ms: checkMs },
        warmup: { kind: "openai", model: "m" },
        tls: { ca_file: ours.ca },
        token_file: ours.write("token", token),
        connect_timeout_ms: checkMs - 100,
      },
    },
  });
  // The fixture's knobs for a spawned LLM have no place here.
  const text = JSON.parse(Deno.readTextFileSync(config));
  delete text.services.llm.env;
  Deno.writeTextFileSync(config, JSON.stringify(text));

  const local = ["kwd", "stt", "tts"];
  const done: Round[] = [];
  await using loader = new LoaderProcess(home, ["up", "--config", config], {
    wrapper: hosts.on(hosts.living),
    env: { FIXTURE_MAX_LIFE_SEC: String(60 + Math.ceil(rounds * (cutMs / 1000 + 10))) },
  });
  await loader.waitLine(/READY FOR WAKE WORD/);
  const status = async () =>
    JSON.parse((await runLoader(home, ["status", "--json", "--config", config])).out);
  const pidsOf = ({ services }: { services: { name: string; pid: number }[] }) =>
    services.filter(({ name }) => local.includes(name)).map(({ pid }) => pid);
  const before = pidsOf(await status());
  const events = () =>
    local.map((name) => home.events(name).filter((event) => /spawn|start|stop|term/i.test(event)));
  const eventsBefore = events();
  const lines = (pattern: RegExp) => loader.lines.filter(({ text }) => pattern.test(text));
  for (let round = 0; round < rounds; round++) {
    const cutAt = performance.now();
    hosts.cut(round % 2 === 0);
    const degraded = await until("DEGRADED", () => lines(/DEGRADED: /)[round], () => loader.log, 10_000);
    const degradedMs = degraded.at - cutAt;
    assert.match(
      degraded.message,
      /^DEGRADED: answers \(llm\) are off: 10\.117\.0\.2 unreachable since \d\d:\d\d:\d\d \((no route|no answer)\); wake word yes, transcription yes, answers no, speech yes$/,
    );
    assert.ok(degradedMs < 2 * (intervalMs + checkMs) + slackMs, `DEGRADED after ${degradedMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, cutAt + cutMs - performance.now())));
    const healedAt = performance.now();
    hosts.heal();
    const back = await until("its return", () => lines(/LLM .*Back after/)[round], () => loader.log, 10_000);
    const backMs = back.at - healedAt;
    assert.ok(backMs < 2000 + slackMs / 2, `back ${backMs} ms after the cable was mended\n${loader.log}`);
    await until("everything up", async () => (await status()).state === "SYSTEM_READY" || undefined);
    done.push({ degradedMs, backMs });
    onRound({ degradedMs, backMs });
  }
  const after = await status();
  assert.deepEqual(pidsOf(after), before, "no local service was touched");
  assert.deepEqual(events(), eventsBefore, "no local service was touched");
  const { latency_ms } = after.services.find(({ name }: { name: string }) => name === "llm");
  assert.ok(latency_ms.last > 0 && latency_ms.p95 >= latency_ms.last / 10, JSON.stringify(latency_ms));
  const shown = await runLoader(home, ["status", "--config", config]);
  assert.match(shown.out, /answers in\b[^]*\d ms \(p95 [\d.]+\)/);
  for (
    const command of [["plan"], ["plan", "--json"], ["explain"], ["doctor", "--json"], ["boots", "--json"]]
  ) {
    const { out, err } = await runLoader(home, [...command, "--config", config]);
    assert.ok(!(out + err).includes(token), `${command} shows the token`);
  }
  assert.equal(await loader.interrupt(), 0, loader.log);
  for (const file of filesIn(home.dir)) assert.ok(!Deno.readTextFileSync(file).includes(token), file);
  assert.ok(!loader.log.includes(token));
  await home.assertNothingLeft(portList, loader.pid);
  return done;
}

function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory, isFile }) =>
    isDirectory ? filesIn(`${dir}/${name}`) : isFile ? [`${dir}/${name}`] : []
  );
}

class Ended implements AsyncDisposable {
  #child: Deno.ChildProcess;
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#child.status;
  }
}
