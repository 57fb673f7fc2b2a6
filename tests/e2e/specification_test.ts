/** The specification's own configuration, with only `cmd`, `env` and ports changed, boots. Spec: §2, §3, §14. */
import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { LoaderProcess, lowPort, type Stamp, TestHome } from "../support/loader_process.ts";
import { fixtures, lowPorts, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

const specification = Deno.readTextFileSync(new URL("../../config/loader.yaml", import.meta.url));

/** The specification's text with other ports; then `cmd` and `env` per service, nothing else. */
function adapted(ports: Record<"KWD" | "STT" | "LLM" | "TTS" | "LLM_HTTP", number>, ollama: number): string {
  const text = specification.replace(/\b500[1-4]\b/g, (port) => {
    return String([ports.KWD, ports.STT, ports.LLM, ports.TTS][Number(port) - 5001]);
  });
  const config = parse(text);
  for (const role of roles) {
    config.services[role].cmd = ["python3", `${fixtures}/${role}.py`];
    config.services[role].env = { FIXTURE_LOAD_MS: "150", FIXTURE_WARMUP_MS: "50" };
  }
  config.services.llm.env = {
    ...config.services.llm.env,
    FIXTURE_HTTP_PORT: String(ollama),
    OLLAMA_HOST: `127.0.0.1:${ollama}`,
  };
  return stringify(config);
}

Deno.test({
  name: "up reaches SYSTEM_READY on the specification's configuration, with a dead proxy in the environment",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const ports = lowPorts(), dead = `http://127.0.0.1:${lowPort()}`;
    const config = home.write("loader.yaml", adapted(ports, ports.LLM_HTTP));
    const proxies = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    await using loader = new LoaderProcess(home, ["up", "--config", config], {
      env: Object.fromEntries(proxies.map((name) => [name, dead])),
    });
    await loader.waitLine(/READY FOR WAKE WORD/);
    assert.deepEqual(
      loader.lines.filter(({ level }) => level !== "INFO").map(({ text }) => text),
      ["LLM      WARNING = No warm-up: Ollama needs the name of a model: set services.llm.model"],
    );

    let gate: Stamp | undefined;
    for (const role of roles) {
      const one = (event: string) => home.stampsOf(role).filter((stamp) => stamp.event === event);
      assert.equal(one("start").length, 1);
      if (gate) {
        assert.ok(
          one("start")[0]!.t > gate.t,
          `${role} was started before ${gate.service} was past its gate`,
        );
      }
      assert.equal(one("warm").length, role === "llm" ? 0 : 1, `warm-ups of ${role}`);
      gate = one("warm")[0] ?? one("ready")[0];
    }
    const speech = home.stampsOf("tts").filter(({ event }) => event === "speak_begin")[0]!;
    assert.ok(speech.t > gate!.t);
    assert.equal(speech.text, "Hi Master. Ready to serve.");
    assert.equal(speech.tag, "boot_greeting");
    const ready = home.stampsOf("kwd").find(({ event }) => event === "system_ready")!;
    assert.match(String(ready.boot_id), /^[0-9a-f]{16}$/);
    assert.equal(ready.echo_cancellation, "keep");
    // The proxy was taken from us, not from the services.
    const env = Deno.readTextFileSync(`/proc/${home.stampsOf("kwd")[0]!.pid}/environ`);
    assert.ok(env.includes(`HTTP_PROXY=${dead}`));

    assert.equal(await loader.interrupt(), 0, loader.log);
    await home.assertNothingLeft(Object.values(ports), loader.pid);
  },
});

Deno.test({
  // How long after that is a matter of the machine; tests/unit/boot/greeting_test.ts holds the guard to the millisecond.
  name:
    "up keeps the configured guard between the end of the greeting and the resume, by the services' own clocks",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const ports = lowPorts();
    const config = home.write("loader.yaml", adapted(ports, ports.LLM_HTTP));
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    await loader.waitLine(/READY FOR WAKE WORD/);
    const end = home.stampsOf("tts").find(({ event }) => event === "speak_end")!;
    const resume = home.stampsOf("kwd").find(({ event }) => event === "resume")!;
    const ms = (resume.t - end.t) / 1e6;
    assert.ok(ms >= 150, `${ms} ms`);
    const [told] = loader.messages("KWD").flatMap((line) => /detection after (\d+)ms/.exec(line)?.[1] ?? []);
    assert.ok(Number(told) >= 150, loader.log);
    assert.ok(loader.log.includes("(resume after 150 ms guard)"), loader.log);
    assert.equal(await loader.interrupt(), 0, loader.log);
  },
});
