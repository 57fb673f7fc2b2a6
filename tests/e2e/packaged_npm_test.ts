import assert from "node:assert/strict";
import { findProgram } from "../../lib/sys/host.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { buildStamp } from "../../scripts/build/info.ts";
import { npmFileName, npmPackage } from "../../scripts/build/npm.ts";
import { filesUnder } from "../support/bare_machine.ts";
import { runDemo } from "../support/demo_run.ts";

/** Why the package cannot be installed here; the tests below are skipped then. */
const missing = ["npm", "node"].every((name) => findProgram(name, "/", Deno.env.get("PATH") ?? "") !== null)
  ? registryAnswers() ? null : `npm's registry, which does not offer deno@${Deno.version.deno} here`
  : "Node with npm: apt-get install npm";
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: missing === null ? name : `${name} [needs ${missing}]`, ignore: missing !== null, fn });

function registryAnswers(): boolean {
  const args = ["view", `deno@${Deno.version.deno}`, "version", "--fetch-timeout=5000", "--fetch-retries=0"];
  const { success } = new Deno.Command("npm", { args, stdout: "null", stderr: "null" }).outputSync();
  return success;
}

/** A user who has Node and what npm has installed from the package, and nothing else of ours. */
class NodeUser implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "al-npm-" });
  readonly home = `${this.folder}/home`;
  readonly prefix = `${this.folder}/a prefix`;
  readonly command = `${this.prefix}/bin/alexa-loader`;
  readonly env: Record<string, string> = {
    PATH: "/usr/bin:/bin",
    HOME: this.home,
    XDG_RUNTIME_DIR: `${this.folder}/run`,
    ALEXA_DEMO_PORTS: "any",
  };

  constructor() {
    for (const path of [this.home, `${this.folder}/run`]) Deno.mkdirSync(path, { mode: 0o700 });
  }

  /** Without scripts, as careful people have it. Node's own settings (registry, certificates) are the machine's. */
  async install(): Promise<void> {
    const file = `${this.folder}/${npmFileName}`;
    Deno.writeFileSync(file, await npmPackage(await bundle(buildStamp()), Deno.version.deno));
    const args = [
      "install",
      "--global",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefix",
      this.prefix,
      file,
    ];
    const { success, stdout, stderr } = await new Deno.Command("npm", { args, cwd: this.folder }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.ok(success, text(stdout) + text(stderr));
  }

  async run(...args: string[]) {
    const options = { args, env: this.env, clearEnv: true, cwd: this.home };
    const { code, stdout, stderr } = await new Deno.Command(this.command, options).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

test("the npm package, installed with Node alone, says what it is, checks, and boots the demo", async () => {
  using user = new NodeUser();
  await user.install();
  const facts = JSON.parse((await user.run("--version", "--json")).stdout);
  assert.deepEqual([facts.kind, facts.deno], ["npm", Deno.version.deno]);
  assert.ok(facts.permissions.includes("--allow-ffi") && !facts.permissions.includes("--allow-all"));

  const demo = new URL("../../config/demo.yaml", import.meta.url).pathname;
  const checked = await user.run("check", "--config", demo);
  assert.equal(checked.code, 0, checked.stderr);

  const { code, output, errors } = await runDemo(user.command, { env: user.env, cwd: user.home });
  assert.equal(code, 0, output + errors);
  assert.match(output, /Shutdown complete/);
  // The services are the program again; none of them was given the runtime's variables.
  assert.doesNotMatch(output, /DENO_DIR|ALEXA_LOADER_/);
  // What it keeps lies in the user's own folders, and nothing of it in the package.
  assert.deepEqual(
    [...Deno.readDirSync(`${user.home}/.cache`)].map(({ name }) => name).sort(),
    ["alexa-loader", "alexa-loader-npm"],
  );
});

test("the npm package says so when its runtime was not installed, and runs nothing at installation", async () => {
  using user = new NodeUser();
  await user.install();
  const manifests = [...filesUnder(user.prefix)].filter((path) =>
    path.endsWith("/alexa-loader/package.json")
  );
  const manifest = JSON.parse(Deno.readTextFileSync(`${user.prefix}/${manifests[0]}`));
  assert.equal(manifest.scripts, undefined);
  assert.deepEqual(manifest.dependencies, { deno: Deno.version.deno });
  const runtimes = [...filesUnder(user.prefix)].filter((path) => /@deno\/[^/]+\/deno$/.test(path));
  assert.equal(runtimes.length, 1);
  Deno.removeSync(`${user.prefix}/${runtimes[0]}`);
  const { code, stderr } = await user.run("--version");
  assert.equal(code, 1);
  assert.match(stderr, /its runtime \(npm package @deno\/.+\) is not installed/);
});

Deno.test("the npm package of one commit is the same, byte for byte", async () => {
  const make = async () => await npmPackage(await bundle({ commit: null, built: null }), "2.9.6");
  assert.deepEqual(await make(), await make());
});
