/** A stranger takes a service's port after the precheck. Spec: §6; CONTRACT §2. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";

Deno.test("R7: a stranger who takes the port after the precheck is not believed, but named", async () => {
  await using home = new TestHome();
  const [first, second] = [lowPort(), lowPort()];
  const go = `${home.dir}/go`;
  const quiet = { warmup: { kind: "none" } };
  const config = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: {
        startup_sequence: ["kwd", "stt"],
        shutdown_sequence: ["stt", "kwd"],
        port_hygiene: { ports: { kwd: first, stt: second } },
      },
      services: {
        kwd: {
          cmd: ["sleep", "80"],
          readiness: { type: "exec", cmd: ["test", "-e", go] },
          ...quiet,
        },
        stt: {
          cmd: ["sleep", "80"],
          readiness: { type: "http", url: `http://127.0.0.1:${second}/` },
          ...quiet,
        },
      },
    }),
  );
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(/^KWD .* Starting/);
  await using _stranger = Deno.serve(
    { hostname: "127.0.0.1", port: second, onListen() {} },
    () => new Response("ok"),
  );
  home.write("go", "");
  const line = await loader.waitLine(/^STT .*(Ready in|held by)/);
  assert.equal(line.level, "WARNING");
  assert.match(
    line.message,
    new RegExp(`port ${second} is held by pid ${Deno.pid} \\(.*\\), not by stt$`),
  );
  assert.equal(await loader.interrupt(), 0);
  await home.assertNothingLeft([first], loader.pid);
});
