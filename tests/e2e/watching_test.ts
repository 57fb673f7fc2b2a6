/** What tells of a loader: its log, its facts, and waiting for it. Spec: §12. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";
import { connectControl } from "../../lib/api/client.ts";
import { events } from "../../lib/api/routes/events.ts";

Deno.test({
  name: "logs, events and wait tell of a loader that runs, and logs of one that has run",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, portList } = assistant(home, {
      knobs: { tts: { speak_ms: 250 }, kwd: { load_ms: 500 } },
    });
    const ask = async (...words: string[]) => await runLoader(home, [...words, "--config", config]);
    const objects = (text: string) => text.split("\n").map((line) => JSON.parse(line));

    for (const words of [["events"], ["wait"], ["mute"], ["unmute"], ["start", "kwd"], ["stop", "kwd"]]) {
      const { code, err } = await ask(...words);
      assert.equal(code, 5, words.join(" "));
      assert.match(
        err,
        /^error: no loader is running for .*\nhint: Start it: alexa-loader up$/,
        words.join(" "),
      );
    }
    assert.deepEqual(JSON.parse((await ask("wait", "--for", "stopped", "--json")).out).state, "stopped");

    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await home.stamp("kwd", "start");
    const waited = await ask("wait", "--timeout", "60s", "--json");
    assert.equal(waited.code, 0, waited.err);
    assert.equal(JSON.parse(waited.out).state, "ready");
    await loader.waitLine(/READY FOR WAKE WORD/);

    const told = objects((await ask("events", "--json")).out);
    const facts = told.map(({ fact }) => fact);
    assert.ok(
      facts.indexOf("prechecked") >= 0 && facts.indexOf("prechecked") < facts.indexOf("system_ready"),
    );
    assert.deepEqual(
      told.map(({ id }) => Number(id.split(".")[1])),
      told.map((_, i) => i + 1),
      "none is missing",
    );

    const folder = [...Deno.readDirSync(`${home.runtime}/alexa-loader`)][0]!.name;
    const client = connectControl(`${home.runtime}/alexa-loader/${folder}/control.sock`);
    const end = new AbortController();
    const coming = client.lines(events, { query: { after: told.at(-1).id }, signal: end.signal });
    await coming.next();
    const llm = await ask("logs", "llm", "--json");
    assert.ok(objects(llm.out).every(({ tag }) => tag === "LLM"));
    assert.match((await ask("logs", "--grep", "SYSTEM_READY:")).out, /^\S+Z LOADER +INFO = SYSTEM_READY: /);
    assert.equal((await ask("logs", "--tail", "2")).out.split("\n").length, 2);
    assert.equal((await ask("logs", "--since", "0s")).out, "");
    assert.equal((await ask("logs", "--grep", "(")).code, 2);
    assert.equal((await ask("logs", "kwb")).code, 2);

    await using follower = new LoaderProcess(home, ["logs", "-f", "--tail", "0", "--config", config]);
    await new Promise((resolve) => setTimeout(resolve, 300)); // it says nothing until there is something
    assert.equal((await ask("restart", "llm")).code, 0);
    await follower.waitLine(/LLM +INFO = Ready in/);
    follower.signal("SIGINT");
    await follower.exit();
    let restarted = false;
    for await (const line of coming) {
      restarted ||= line === "event: restart_wanted";
      if (line === "event: warmup") break;
    }
    assert.ok(restarted);
    end.abort();

    assert.equal(await loader.interrupt(), 0);
    const history = await ask("logs", "loader", "--tail", "1", "--json");
    assert.equal(JSON.parse(history.out).message, "Shutdown complete");
    assert.equal((await ask("wait", "--for", "stopped")).out, "no loader is running");
    await home.assertNothingLeft(portList, loader.pid);
  },
});

Deno.test("completions: bash takes the script, and it knows commands, what is below them, values and flags", async () => {
  await using home = new TestHome();
  const { out, code } = await runLoader(home, ["completions", "bash"]);
  assert.equal(code, 0);
  const complete = async (...words: string[]) => {
    const script =
      `${out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _alexa_loader; echo "\${COMPREPLY[*]}"`;
    const args = ["-c", script, "bash", "alexa-loader", ...words];
    const { stdout, stderr } = await new Deno.Command("bash", { args }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).trim().split(" ");
  };
  assert.deepEqual((await complete("st")).sort(), ["start", "status", "stop"]);
  assert.deepEqual(await complete("boots", "s"), ["show"]);
  assert.deepEqual(await complete("boots", "show", "--j"), ["--json"]);
  assert.deepEqual(await complete("completions", ""), ["bash", "zsh", "fish", "--help"]);
  assert.deepEqual(await complete("nonsense", "x"), [""]);
  for (const shell of ["zsh", "fish"]) {
    const script = await runLoader(home, ["completions", shell]);
    assert.match(script.out, /completions.*Print the completion script/);
  }
  assert.equal((await runLoader(home, ["completions", "tcsh"])).code, 2);
});
