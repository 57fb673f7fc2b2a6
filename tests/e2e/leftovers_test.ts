/** The look for leftovers itself: it must find each kind, or no test that uses it proves anything. */
import assert from "node:assert/strict";
import { assertNothingLeft } from "../support/leftovers.ts";
import { lowPort, markVariable, TestHome } from "../support/loader_process.ts";

Deno.test("assertNothingLeft() finds processes, listeners and socket files", async () => {
  await using home = new TestHome();
  const port = lowPort();
  const look = () => assertNothingLeft({ mark: home.mark, ports: [port], runtimeDir: home.runtime });
  await look();
  {
    using _listener = Deno.listen({ port, hostname: "127.0.0.1" });
    await assert.rejects(look, /ports are still listened on/);
  }
  const child = new Deno.Command("sh", {
    args: ["-c", "echo here; read -r _"],
    env: { [markVariable]: home.mark },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  try {
    await child.stdout.getReader().read(); // in the moment of its exec a process shows no environment
    await assert.rejects(look, /processes are left/);
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await child.stdin.close().catch(() => {});
  }
  {
    using _socket = Deno.listen({ transport: "unix", path: `${home.runtime}/s` });
    await assert.rejects(look, /socket files are left/);
    Deno.removeSync(`${home.runtime}/s`);
  }
  await look();
});
