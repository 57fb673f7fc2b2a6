/** A running loader as tools of a language model: the protocol's reference client lists and calls them. Spec: §12. */
import assert from "node:assert/strict";
import { command, LoaderProcess, TestHome } from "../support/loader_process.ts";
import { pythonTest } from "../support/reference_python.ts";

const root = new URL("../..", import.meta.url).pathname;

async function ask(python: string, home: TestHome, ...flags: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(python, {
    args: [`${root}tests/support/peers/mcp_client.py`, ...command(), "mcp", "--demo", ...flags],
    cwd: root,
    clearEnv: true,
    env: home.environment(),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as {
    server: string;
    tools: string[];
    answers: Record<string, { wrong: boolean; text: string }>;
  };
}

pythonTest("mcp.client.stdio", "mcp==2.3.0")(
  "mcp: the reference client lists and calls every tool",
  async (python) => {
    const client = (home: TestHome, ...flags: string[]) => ask(python, home, ...flags);
    await using home = new TestHome();
    const without = await client(home);
    assert.match(without.answers.status!.text, /^no loader is running for <demo>/);
    assert.ok(without.answers.status!.wrong);
    await using loader = new LoaderProcess(home, ["demo"]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const { server, tools, answers } = await client(home);
    assert.equal(server, "alexa-loader");
    for (const name of ["status", "boots", "boot", "vram", "doctor"]) assert.ok(tools.includes(name), name);
    for (const [name, { wrong, text }] of Object.entries(answers)) assert.ok(!wrong, `${name}: ${text}`);
    assert.match(answers.status!.text, /"text": "You can talk/);
    assert.ok(!tools.some((name) => /restart|stop|start|reload/.test(name)), `none of ${tools} acts`);
    const acting = (await client(home, "--allow-actions")).tools;
    for (const name of ["restart_service", "stop", "reload"]) assert.ok(acting.includes(name), `${acting}`);
    assert.equal(await loader.interrupt(), 0);
  },
);
