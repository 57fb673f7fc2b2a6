import assert from "node:assert/strict";
import { assistantOf, look, presetOf } from "../../../lib/demo/mod.ts";
import { presetNames } from "../../../lib/demo/mod.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { startPythonPeer } from "../../support/peers/python_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { freePort } from "../../../lib/sys/net/ports.ts";
import { withoutPython } from "./python.ts";

const home = "/nowhere";
const signal = new AbortController().signal;
const env = { PATH: "/nowhere", OLLAMA_HOST: `127.0.0.1:${freePort()}` };
const closed = { wake: freePort(), stt: freePort(), tts: freePort(), ollama: 0, openai: freePort() };
const asked = { cwd: "/", home, signal };
/** What is installed on this machine is another matter. */
const servers = (found: Awaited<ReturnType<typeof look>>) =>
  found.filter(({ what, part }) => !/installed/.test(what) && part !== "sound" && part !== "gpu");

const info = (kind: string, name: string) =>
  JSON.stringify({ [kind]: [{ name: "peer", installed: true, models: [{ name, installed: true }] }] });

withProcesses.test({
  name: "look() finds the servers that run, and an assistant is made of them",
  ignore: withoutPython,
  async fn() {
    await using wake = await startPythonPeer("./wyoming_peer.py", "block", info("wake", "alexa_v0.1"));
    await using stt = await startPythonPeer("./wyoming_peer.py", "inline", info("asr", "tiny"));
    await using tts = await startPythonPeer("./wyoming_peer.py", "split", info("tts", "joe"));
    await using ollama = startOllamaPeer({ models: ["nomic-embed-text:latest", "llama3.2:latest"] });
    const found = await look({
      ...asked,
      env: { ...env, OLLAMA_HOST: ollama.origin },
      ports: { ...closed, wake: wake.port, stt: stt.port, tts: tts.port },
    });
    assert.deepEqual(servers(found).map(({ part, choice }) => [part, choice]), [
      ["wake", { wake: "wyoming" }],
      ["stt", { stt: "wyoming" }],
      ["llm", { llm: "ollama", model: "llama3.2:latest", llmUrl: ollama.origin }],
      ["tts", { tts: "wyoming" }],
    ]);
    const assistant = assistantOf(found, home)!;
    assert.equal(assistant.llm, "ollama");
    assert.equal(assistant.model, "llama3.2:latest", "a model for embeddings answers nothing");
    assert.equal(presetOf("ollama-wyoming", found, home).model, "llama3.2:latest");
  },
});

withProcesses.test({
  name: "look() says why what it found is of no use: another wake word, another kind of server, no model",
  ignore: withoutPython,
  async fn() {
    await using wake = await startPythonPeer("./wyoming_peer.py", "block", info("wake", "hey_jarvis_v0.1"));
    await using stt = await startPythonPeer("./wyoming_peer.py", "block", info("tts", "joe"));
    await using ollama = startOllamaPeer({ models: [] });
    const found = await look({
      ...asked,
      env: { ...env, OLLAMA_HOST: ollama.origin },
      ports: { ...closed, wake: wake.port, stt: stt.port },
    });
    const useless = servers(found);
    assert.deepEqual(useless.map(({ choice }) => choice), [undefined, undefined, undefined]);
    assert.match(useless[0]!.what, /but it knows no "alexa": peer, hey_jarvis_v0\.1$/);
    assert.match(useless[1]!.what, /but it offers tts$/);
    assert.match(useless[2]!.what, /but it has no model: `ollama pull llama3\.2`$/);
    assert.equal(assistantOf(useless, home), null);
  },
});

Deno.test("look() where nothing runs finds nothing that runs", async () => {
  assert.deepEqual(servers(await look({ ...asked, env, ports: closed })), []);
});

Deno.test("look() waits no longer than a second for a server that says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const found = await look({ ...asked, env, ports: { ...closed, wake: listener.addr.port } });
  assert.deepEqual(servers(found), []);
});

Deno.test("init --from has every preset, and no other", async () => {
  const declared = await Deno.readTextFile(new URL("../../../lib/cli/declare/configure.ts", import.meta.url));
  const [, values] = /values: (\[[^\]]*\])/.exec(declared)!;
  assert.deepEqual(JSON.parse(values!).toSorted(), presetNames.toSorted());
});
