import assert from "node:assert/strict";
import { findProgram } from "../../lib/sys/host.ts";
import { debFileName, debianArchitectures, debPackage } from "../../scripts/build/deb.ts";
import { commandHelps } from "../../scripts/build/manual.ts";
import { filesUnder } from "../support/bare_machine.ts";
import { runDemo } from "../support/demo_run.ts";
import { selfExtractingFile } from "../support/built.ts";

const path = Deno.env.get("PATH") ?? "";
const architecture = debianArchitectures[Deno.build.target]!;

/** Tests that need programs of Debian's; skipped by name without. */
function test(name: string, needs: Record<string, string>, fn: () => Promise<void>): void {
  const missing = Object.keys(needs).filter((program) => findProgram(program, "/", path) === null).map((
    program,
  ) => needs[program]);
  const root = "dpkg" in needs && Deno.uid() !== 0 ? ["root"] : [];
  const why = [...missing.map((name) => `apt-get install ${name}`), ...root].join(", ");
  Deno.test({ name: why === "" ? name : `${name} [needs ${why}]`, ignore: why !== "", fn });
}

const make = async (bytes?: number) =>
  await debPackage({
    program: Deno.readFileSync(await selfExtractingFile()).slice(0, bytes),
    architecture,
    built: "2026-11-30T12:00:00.000Z",
  });

/** The package in a folder of its own. `bytes`: only so much of the program, which begins with its script. */
async function withPackage(
  fn: (file: string, folder: string) => Promise<void>,
  bytes?: number,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "al-deb-" });
  try {
    const file = `${folder}/${debFileName(architecture)}`;
    Deno.writeFileSync(file, await make(bytes));
    await fn(file, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

test(
  "the Debian package installs, boots the demo, and is removed without a trace",
  { dpkg: "dpkg" },
  () =>
    withPackage(async (file, folder) => {
      const root = `${folder}/root`;
      for (const path of ["info", "updates", "triggers"]) {
        Deno.mkdirSync(`${root}/var/lib/dpkg/${path}`, { recursive: true });
      }
      for (const path of ["status", "available"]) Deno.writeTextFileSync(`${root}/var/lib/dpkg/${path}`, "");
      const dpkg = (...args: string[]) =>
        run("dpkg", [`--root=${root}`, "--force-depends", "--force-not-root", ...args]);
      const installed = await dpkg("--install", file);
      assert.equal(installed.code, 0, installed.stderr);
      assert.equal(Deno.statSync(`${root}/usr/bin/alexa-loader`).mode! & 0o7777, 0o755);

      const env = { HOME: folder, XDG_RUNTIME_DIR: `${folder}/run`, XDG_CACHE_HOME: `${folder}/cache` };
      const { code, output, errors } = await runDemo(`${root}/usr/bin/alexa-loader`, {
        env: { ...env, PATH: "/usr/bin:/bin", ALEXA_DEMO_PORTS: "any" },
        cwd: folder,
      });
      assert.equal(code, 0, output + errors);

      const removed = await dpkg("--purge", "alexa-loader");
      assert.equal(removed.code, 0, removed.stderr);
      assert.deepEqual([...filesUnder(root)].filter((path) => !path.startsWith("var/lib/dpkg/")), []);
    }),
);

test(
  "lintian says of the Debian package what we know and can explain",
  { lintian: "lintian" },
  () =>
    withPackage(async (file) => {
      const { stdout } = await run("lintian", ["--allow-root", file]);
      const tags = stdout.split("\n").filter(Boolean).map((line) => line.split(" ")[2]).sort();
      assert.deepEqual(tags, [
        "bogus-mail-host", // there is no public address yet
        "bogus-mail-host-in-debian-changelog", // the same
        "initial-upload-closes-no-bugs", // it is not uploaded to Debian
        "shell-script-fails-syntax-check", // behind the script's last line is an archive
      ], stdout);
    }, 64 << 10), // it reads every byte, for minutes where there are many
);

test("systemd has nothing to say about the user unit", { "systemd-analyze": "systemd" }, async () => {
  const unit = new URL("../../scripts/build/debian/alexa-loader.service", import.meta.url);
  const folder = Deno.makeTempDirSync();
  try {
    const text = Deno.readTextFileSync(unit).replace("/usr/bin/alexa-loader", "/bin/true")
      .replace("man:alexa-loader(1)", "man:true(1)");
    Deno.writeTextFileSync(`${folder}/alexa-loader.service`, text);
    const { code, stderr } = await run(
      "systemd-analyze",
      ["--user", "--man=no", "verify", `${folder}/alexa-loader.service`],
      { XDG_RUNTIME_DIR: folder },
    );
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

test(
  "bash completes commands, what is below them, and flags",
  { bash: "bash", "dpkg-deb": "dpkg" },
  () =>
    withPackage(async (file, folder) => {
      await run("dpkg-deb", ["--extract", file, `${folder}/x`]);
      const completion = `${folder}/x/usr/share/bash-completion/completions/alexa-loader`;
      const complete = async (...words: string[]) => {
        const script =
          `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _alexa_loader; echo "\${COMPREPLY[*]}"`;
        return (await run("bash", ["-c", script, completion, "alexa-loader", ...words])).stdout.trim().split(
          " ",
        );
      };
      assert.deepEqual((await complete("st")).sort(), ["start", "status", "stop"]);
      assert.deepEqual(await complete("boots", "s"), ["show"]);
      assert.deepEqual(await complete("plan", "--"), ["--config", "--demo", "--json", "--help"]);
    }),
);

Deno.test("the manual page and the completion know every command and flag of --help", async () => {
  const commands = await commandHelps();
  const names = commands.map(({ name }) => name);
  for (const name of ["up", "init", "boots show", "boots diff"]) {
    assert.ok(names.includes(name), names.join());
  }
  for (const { name, usage, description } of commands) {
    assert.ok(usage[0]?.startsWith(`alexa-loader ${name}`) && description.length > 20, name);
  }
  assert.deepEqual(commands.find(({ name }) => name === "boots show")!.flags.map(({ name }) => name), [
    "--config",
    "--demo",
    "--json",
    "--svg",
    "--html",
    "--trace",
  ]);
});

Deno.test("the Debian package of one commit is the same, byte for byte", async () => {
  const sum = async () => new Uint8Array(await crypto.subtle.digest("SHA-256", await make(64 << 10))).toHex();
  assert.equal(await sum(), await sum());
});
