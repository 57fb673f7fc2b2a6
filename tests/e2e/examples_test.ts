/** The services that the documents tell people to begin with boot as they are shown. docs/own_service.md. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

const folder = new URL("../../docs/examples/", import.meta.url).pathname;

Deno.test({
  name: "the documents' own services boot, are warmed, answer and speak",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    for (const { name } of Deno.readDirSync(folder)) Deno.copyFileSync(folder + name, `${home.dir}/${name}`);
    const [llm, tts] = [lowPort(), lowPort()];
    const config = home.write(
      "loader.yaml",
      Deno.readTextFileSync(`${folder}loader.yaml`).replaceAll("5023", `${llm}`).replaceAll("5024", `${tts}`)
        .replace("[deno,", `["${Deno.execPath()}",`),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/SYSTEM_READY:/);
    assert.ok(
      loader.messages("LLM").some((message) => /^Warmed in .* \(1 token\)/.test(message)),
      loader.log,
    );
    assert.deepEqual(loader.lines.filter(({ level }) => level !== "INFO"), []);
    const post = async (url: string, body: unknown) =>
      await (await fetch(url, { method: "POST", body: JSON.stringify(body) })).json();
    const answer = await post(`http://127.0.0.1:${llm}/v1/chat/completions`, {
      messages: [{ role: "user", content: "hello" }],
    });
    assert.equal(answer.choices[0].message.content, "You said: hello");
    assert.deepEqual(await post(`http://127.0.0.1:${tts}/control/speak`, { text: "hi" }), { finished: true });
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft([llm, tts], loader.pid);
  },
});
