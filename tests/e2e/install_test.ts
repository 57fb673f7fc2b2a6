/** `export`, `install` and `uninstall` as programs: what they write where, and that it can be undone. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { fixtures } from "../support/scenario.ts";

const text = `loader: { name: t, startup_sequence: [stt], shutdown_sequence: [stt] }
services:
  stt:
    cmd: [python3, ${fixtures}/stt.py]
    env: { API_TOKEN: "\${API_TOKEN}" }
    readiness: { type: tcp, port: 5999 }
`;

/** Files below it. */
const filesIn = (folder: string): string[] => {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
};

Deno.test("install puts the unit in its place, shows it beforehand, and uninstall undoes it", async () => {
  await using home = new TestHome();
  const config = home.write("loader.yaml", text);
  // A systemctl that is asked, and that a test can read.
  const bin = `${home.dir}/bin`;
  Deno.mkdirSync(bin);
  Deno.writeTextFileSync(
    `${bin}/systemctl`,
    `#!/bin/sh\n[ "$1" = --version ] && { echo "systemd 255 (255)"; exit; }\necho "$@" >>${home.dir}/asked\n`,
    { mode: 0o755 },
  );
  const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, API_TOKEN: "geheim" };
  const run = (...args: string[]) => runLoader(home, [...args, "--config", config], { env });
  const units = `${home.dir}/config/systemd/user`;

  const shown = await run("install", "--dry-run");
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^would write \S+\/systemd\/user\/alexa-t\.service:/);
  assert.match(shown.out, /would run systemctl --user enable alexa-t\.service/);
  assert.deepEqual([filesIn(units), filesIn(home.dir).includes("asked")], [[], false], "only shown");

  const done = await run("install");
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /loginctl enable-linger/);
  const unit = Deno.readTextFileSync(`${units}/alexa-t.service`);
  assert.ok(shown.out.includes(unit.trimEnd()), "what was shown is what was written");
  assert.match(unit, /^Type=notify-reload$[^]*^RestartSteps=5$/m, "for the systemd of this machine");
  assert.match(unit, new RegExp(`^ExecStart=.* up --config ${config}$`, "m"));
  assert.ok(!unit.includes("geheim") && /API_TOKEN as NAME=value/.test(unit), unit);

  const undone = await run("uninstall");
  assert.equal(undone.code, 0, undone.err);
  assert.deepEqual(filesIn(units), []);
  assert.deepEqual(Deno.readTextFileSync(`${home.dir}/asked`).trim().split("\n"), [
    "--user daemon-reload",
    "--user enable alexa-t.service",
    "--user disable --now alexa-t.service",
    "--user daemon-reload",
  ]);
  assert.match((await run("uninstall")).out, /^nothing to undo/);

  Deno.writeTextFileSync(`${units}/alexa-t.service`, "[Service]\n");
  for (const command of ["install", "uninstall"]) {
    const { code, err } = await run(command);
    assert.deepEqual([code, /is there, and not of alexa-loader/.test(err)], [2, true], err);
  }
  assert.equal(Deno.readTextFileSync(`${units}/alexa-t.service`), "[Service]\n");
});

Deno.test("export prints or writes files; what it cannot is an error that says what to do", async () => {
  await using home = new TestHome();
  const config = home.write("loader.yaml", text);
  const env = { API_TOKEN: "geheim" };
  const run = (...args: string[]) => runLoader(home, ["export", ...args, "--config", config], { env });
  const out = `${home.dir}/out`;
  const written = await run("systemd", "--per-service", "--user", "--out", out);
  assert.equal(written.code, 0, written.err);
  assert.deepEqual(filesIn(out), ["alexa-t-greet.service", "alexa-t-stt.service", "alexa-t.target"]);
  const none = await run("compose");
  assert.deepEqual([none.code, none.err.split("\n")], [2, [
    "error: export compose: no image is known for stt",
    "hint: write `image: …` into services.stt: the container image that has its cmd",
  ]]);
  home.write("loader.yaml", text.replace("    env:", "    image: example.org/stt:1\n    env:"));
  for (const engine of ["compose", "quadlet", "kubernetes"]) {
    const [first, second] = [await run(engine), await run(engine)];
    assert.equal(first.code, 0, first.err);
    assert.equal(first.out, second.out, "the same bytes");
    assert.ok(!first.out.includes("geheim"));
  }
  assert.equal((await run("systemd", "--systemd", "new")).code, 2);
  await using nothing = new LoaderProcess(home, ["export", "nomad"]);
  assert.equal(await nothing.exit(), 2);
});
