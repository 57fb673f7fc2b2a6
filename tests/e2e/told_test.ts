/** A person is told, once, what broke in a running assistant, and once that it is well again. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, lowPort, TestHome, until } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** Serves at its port as long as the one at `needs` does; what it prints is what somebody said. */
const service = `
import socket, sys, time
port, needs = int(sys.argv[1]), sys.argv[2]
print("they said: open the garage", flush=True)
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", port)); s.listen(50); s.settimeout(0.1)
while True:
    try: s.accept()[0].close()
    except TimeoutError: pass
    if needs != "0":
        try: socket.create_connection(("127.0.0.1", int(needs)), 1).close()
        except OSError: print("no answer of 127.0.0.1:" + needs, flush=True); sys.exit(1)
`;

Deno.test({
  name:
    "two services that fall for one cause are one message, and one when they are well; a dead receiver delays nothing",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const heard: Record<string, string>[] = [];
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      heard.push(await request.json());
      return new Response();
    });
    const [llm, stt, nobody] = [lowPort(), lowPort(), lowPort()];
    const one = (port: number, needs: number) => ({
      cmd: ["python3", "-c", service, `${port}`, `${needs}`],
      readiness: { type: "tcp", host: "127.0.0.1", port },
      warmup: { kind: "none" },
    });
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: {
          startup_sequence: ["llm", "stt"],
          shutdown_sequence: ["stt", "llm"],
          restart_policy: { backoff: { initial_sec: 0.5, max_sec: 0.5 }, max_restarts: 10 },
          notify: [
            { webhook: { url: `http://127.0.0.1:${nobody}/planted-secret` } },
            { webhook: { url: `http://127.0.0.1:${server.addr.port}/planted-secret` } },
            { exec: ["sh", "-c", 'echo "$1" >> "$0"', `${home.dir}/told`, "{title}"] },
          ],
        },
        services: { llm: one(llm, 0), stt: one(stt, llm) },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/SYSTEM_READY:/);
    const pid = Number(/pid (\d+)/.exec((await loader.waitLine(/^LLM .*Starting/)).message)![1]);
    kill(pid, "SIGKILL");
    await loader.waitLine(/SYSTEM_READY again/);
    await until("both messages", () => heard.length === 2, () => loader.log, 40_000);
    assert.deepEqual(heard.map(({ title }) => title), [
      "llm and stt went down",
      "llm and stt are well again",
    ]);
    const [first, cause, then] = heard[0]!.text!.split("\n");
    assert.match(first!, /^You can talk/);
    assert.match(cause!, /^llm: Killed by SIGKILL after .* at \d\d:\d\d:\d\d$/);
    assert.match(then!, /^then stt: Exited with code 1 after /);
    const told = `${home.dir}/told`;
    await until("the command's", () => Deno.readTextFileSync(told).split("\n").length === 3);
    assert.equal(await loader.interrupt(), 0);
    assert.equal(heard.length, 2, "a stop is no news");
    assert.match(loader.log, new RegExp(`Cannot tell webhook at 127.0.0.1:${nobody}: connection refused`));
    assert.doesNotMatch(
      JSON.stringify([heard, loader.log.replaceAll(/^.*they said.*$/gm, "")]),
      /planted|garage/,
    );
    await home.assertNothingLeft([llm, stt], loader.pid);
  },
});
