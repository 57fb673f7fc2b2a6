import assert from "node:assert/strict";
import { parse } from "yaml";
import { parseConfig } from "../../../lib/config/mod.ts";
import { files } from "../../../lib/demo/init/mod.ts";
import { ask, startChild, startMailbox } from "./children.ts";
import { withoutPython } from "./python.ts";

const service = (name: string) =>
  files({ fromDemo: false }).find(({ path }) => path === `services/${name}_service.py`)!;

/** Writes one service as `init` would and starts it on a free port. */
function startWritten(name: string, env: Record<string, string> = {}) {
  const folder = Deno.makeTempDirSync();
  const { text, mode } = service(name);
  const path = `${folder}/${name}_service.py`;
  Deno.writeTextFileSync(path, text, { mode });
  const child = startChild(["/usr/bin/env", "python3", path], { env: { ALEXA_BIND_PORT: "0", ...env } });
  return { child, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

Deno.test("files() gives a configuration whose sequences name its services", () => {
  for (const fromDemo of [false, true]) {
    const { path, text, mode } = files({ fromDemo })[0]!;
    assert.deepEqual({ path, mode }, { path: "config/loader.yaml", mode: 0o644 });
    const { loader, services } = parse(text);
    const names = fromDemo ? ["kwd", "llm", "stt", "tts"] : ["kwd", "tts"];
    assert.deepEqual(Object.keys(services).toSorted(), names);
    assert.deepEqual(loader.startup_sequence.toSorted(), names);
    assert.deepEqual(loader.shutdown_sequence.toSorted(), names);
    assert.deepEqual(Object.keys(loader.port_hygiene.ports).toSorted(), names);
    for (const name of ["kwd", "tts"]) {
      assert.deepEqual(services[name].cmd, ["python3", `services/${name}_service.py`]);
      assert.equal(services[name].workdir, "..");
    }
  }
});

const load = (text: string) => parseConfig(text, "config/loader.yaml", Deno.env.toObject());

Deno.test("files() gives configurations that load without a warning", () => {
  for (const fromDemo of [false, true]) assert.deepEqual(load(files({ fromDemo })[0]!.text).warnings, []);
});

Deno.test("files() gives commented examples that load when their # is taken away", () => {
  const uncommented = files({ fromDemo: false })[0]!.text
    .replaceAll(/^ {2}# (stt:|llm:| {2}[a-z_]+: .*)$/gm, "  $1")
    .replaceAll(/^ {4}# ([a-z]+_ready_sec: .*)$/gm, "    $1")
    .replaceAll(/: .* # with the others: (.*)$/gm, ": $1");
  const { config, warnings } = load(uncommented);
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.loader.startup_sequence, ["kwd", "stt", "llm", "tts"]);
  assert.equal(config.services.stt!.backend, "faster-whisper");
  assert.equal(config.services.llm!.manage, "external");
  assert.equal(config.loader.port_hygiene.ports.stt, 5002);
});

Deno.test("files() gives services that may be executed", () => {
  const scripts = files({ fromDemo: true }).filter(({ path }) => path.endsWith(".py"));
  assert.deepEqual(scripts.map(({ path, mode }) => [path, mode]), [
    ["services/kwd_service.py", 0o755],
    ["services/tts_service.py", 0o755],
  ]);
});

Deno.test({
  name: "kwd_service.py speaks the verbs of a KWD",
  ignore: withoutPython,
  async fn() {
    using written = startWritten("kwd");
    await using child = written.child;
    const port = await child.port();
    assert.equal((await ask(port, "GET /ready")).status, 200);
    assert.equal(typeof (await ask(port, "POST /control/warmup", {})).json.ms, "number");
    await ask(port, "POST /control/pause", { reason: "user" });
    assert.deepEqual((await ask(port, "POST /control/pause", { reason: "boot_greeting" })).json, {
      paused: true,
      reasons: ["boot_greeting", "user"],
    });
    assert.deepEqual((await ask(port, "POST /control/resume", { reason: "boot_greeting" })).json, {
      paused: true,
      reasons: ["user"],
    });
    assert.deepEqual((await ask(port, "POST /control/resume", { reason: "user" })).json, {
      paused: false,
      reasons: [],
    });
    assert.deepEqual((await ask(port, "POST /control/system_ready", { boot_id: "1" })).json, {
      greets: false,
    });
    assert.equal((await ask(port, "POST /control/speak", {})).status, 404);
    assert.equal((await ask(port, "POST /control/pause", "no object")).status, 400);
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, child.lines.join("\n"));
  },
});

Deno.test({
  name: "tts_service.py speaks, and tells when it has finished",
  ignore: withoutPython,
  async fn() {
    using folder = silentPath();
    using written = startWritten("tts", { PATH: folder.path });
    await using child = written.child;
    const port = await child.port();
    await child.line(/voice: none installed/);
    assert.equal((await ask(port, "GET /healthz")).status, 200);
    const warm = await ask(port, "POST /control/speak", { text: "Warm.", play: false });
    assert.deepEqual([warm.status, warm.json.finished, warm.json.spoken_ms], [200, true, 0]);
    const begun = performance.now();
    const spoken = await ask(port, "POST /control/speak", { text: "Ten chars!", tag: "t", play: true });
    assert.equal(spoken.json.finished, true);
    assert.ok(spoken.json.spoken_ms >= 340 && performance.now() - begun >= 340);
    assert.equal((await ask(port, "POST /control/speak", {})).status, 400);
    assert.equal((await ask(port, "POST /control/warmup", {})).status, 200);
    const cut = ask(port, "POST /control/speak", { text: "x".repeat(2000), play: true }).catch(() => null);
    await child.line(/Saying "xxx/);
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, child.lines.join("\n"));
    assert.equal(await cut, null);
  },
});

Deno.test({
  name: "tts_service.py can report the end later",
  ignore: withoutPython,
  async fn() {
    await using mailbox = startMailbox();
    using folder = silentPath();
    // A dead proxy: what stays on this machine must not go through it.
    const env = { PATH: folder.path, ALEXA_REPORT: "later", http_proxy: "http://127.0.0.1:9" };
    using written = startWritten("tts", env);
    await using child = written.child;
    const body = { text: "Hi.", tag: "boot_greeting", play: true, finished_url: mailbox.url };
    assert.equal((await ask(await child.port(), "POST /control/speak", body)).status, 202);
    const { tag, ok } = await mailbox.next();
    assert.deepEqual({ tag, ok }, { tag: "boot_greeting", ok: true });
  },
});

Deno.test({
  name: "tts_service.py uses the voice that is installed, and answers 500 when it fails",
  ignore: withoutPython,
  async fn() {
    using folder = silentPath();
    const script = `#!/bin/sh\necho "spoke: $*"\ncase "$*" in *fail*) exit 3;; esac\n`;
    Deno.writeTextFileSync(`${folder.path}/espeak-ng`, script, { mode: 0o755 });
    using written = startWritten("tts", { PATH: folder.path });
    await using child = written.child;
    const port = await child.port();
    assert.equal((await ask(port, "POST /control/speak", { text: "-hello", play: true })).status, 200);
    await child.line(/^spoke: -- -hello$/);
    assert.equal((await ask(port, "POST /control/speak", { text: "warm", play: false })).status, 200);
    await child.line(/^spoke: -w \/dev\/null -- warm$/);
    assert.equal((await ask(port, "POST /control/speak", { text: "fail", play: true })).status, 500);
  },
});

/** A folder to be the whole PATH: python3 alone is in it, so no voice is found. */
function silentPath() {
  const path = Deno.makeTempDirSync();
  const python = new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] })
    .outputSync();
  Deno.symlinkSync(new TextDecoder().decode(python.stdout).trim(), `${path}/python3`);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
