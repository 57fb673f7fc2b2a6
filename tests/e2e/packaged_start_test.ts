import assert from "node:assert/strict";
import { bareMachine, filesUnder } from "../support/bare_machine.ts";
import { runDemo } from "../support/demo_run.ts";
import { builtFile, flagsOf, selfExtractingFile } from "../support/built.ts";

Deno.test("the one file says on a bare machine what it is", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  const { code, stdout, stderr } = await machine.run(file, "--version", "--json");
  assert.equal(code, 0, stderr);
  const facts = JSON.parse(stdout);
  assert.equal(
    facts.version,
    JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url))).version,
  );
  assert.equal(facts.kind, "self-extracting");
  assert.match(facts.commit, /^[0-9a-f]{40}(-changed)?$/);
  assert.equal(new Date(facts.built).toISOString(), facts.built);
  assert.equal(facts.deno, Deno.version.deno);
  assert.ok(facts.permissions.includes("--allow-ffi") && !facts.permissions.includes("--allow-all"));
  const { stdout: line } = await machine.run(file, "--version");
  assert.match(
    line,
    /^alexa-loader \d+\.\d+\.\d+ \(self-extracting, commit [0-9a-f]{12}, \d{4}-\d\d-\d\d; deno /,
  );
});

Deno.test("R23: with too few open files the one file says how many it needs, before anything is unpacked", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  for (const limit of [16, 20, 24, 63]) {
    const { code, stdout, stderr } = await machine.run(
      "/bin/sh",
      "-c",
      `ulimit -n ${limit}; exec "$0" demo`,
      file,
    );
    assert.equal(code, 3, stderr);
    assert.equal(stdout, "");
    assert.equal(stderr, `alexa-loader: raise the limit of open files to at least 64: it is ${limit}\n`);
  }
  const { code, stdout } = await machine.run("/bin/sh", "-c", `ulimit -n 64; exec "$0" demo`, file);
  assert.equal(code, 3);
  assert.match(stdout, /^LOADER +ERROR = raise the limit of open files to at least 88: it is 64; /);
});

const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

Deno.test({
  name: "the one file needs no more than busybox has",
  ignore: busybox === undefined,
  async fn() {
    const file = await selfExtractingFile();
    using machine = bareMachine();
    const bin = `${machine.folder}/busybox`;
    Deno.mkdirSync(bin);
    const applets = "cat chmod gzip id mkdir mkfifo mktemp mv rm sha256sum sh sleep stat tail tar tee".split(
      " ",
    );
    for (const name of applets) Deno.symlinkSync(busybox!, `${bin}/${name}`);
    machine.env.PATH = bin;
    for (let start = 0; start < 2; start++) {
      const { code, stdout, stderr } = await machine.run(busybox!, "sh", file, "--version");
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^alexa-loader /);
      assert.equal(stderr, "");
    }
    assert.equal(machine.entries().length, 1);
  },
});

Deno.test("the one file's demo boots, greets and stops on Ctrl-C on a bare machine, and writes only into its folders", async () => {
  const file = await builtFile();
  using machine = bareMachine();
  const { code, output, errors } = await runDemo(file, { env: machine.env, cwd: machine.folder });
  const told = `${output}\n${errors}`;
  assert.equal(code, 0, told);
  assert.match(output, /LOADER +INFO = SYSTEM_READY: total_boot=/);
  assert.match(output, /TTS +INFO = Speaking greeting: "Hi Master\. Ready to serve\."/);
  assert.match(output, /LOADER +INFO = Shutdown complete/);
  const strange = [...filesUnder(machine.folder)].filter((path) =>
    !/^(bin|home\/\.cache\/alexa-loader|home\/\.local\/state\/alexa-loader|run\/alexa-loader)\//.test(
      path,
    )
  );
  assert.deepEqual(strange, []);
});

Deno.test("the environment that the one file's services inherit is the user's", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  Deno.writeTextFileSync(`${machine.folder}/show.sh`, '#!/bin/sh\nenv > "$0.env"\nsleep 60\n', {
    mode: 0o700,
  });
  Deno.writeTextFileSync(
    `${machine.folder}/loader.yaml`,
    "loader: { startup_sequence: [a], shutdown_sequence: [a] }\n" +
      `services: { a: { cmd: ["${machine.folder}/show.sh"], readiness: { type: exec, cmd: ["test", "-s", "${machine.folder}/show.sh.env"] } } }\n`,
  );
  const environments: Record<string, string>[] = [{}, { DENO_DIR: "/somewhere", DENO_NO_UPDATE_CHECK: "2" }];
  for (const own of environments) {
    const child = new Deno.Command(file, {
      args: ["up", "--config", "loader.yaml"],
      env: { ...machine.env, ...own },
      clearEnv: true,
      cwd: machine.folder,
      stdout: "piped",
    }).spawn();
    let output = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (!output.includes("SYSTEM_READY: ") && (output + chunk).includes("SYSTEM_READY: ")) {
        child.kill("SIGTERM");
      }
      output += chunk;
    }
    assert.equal((await child.status).code, 0, output);
    const seen = Deno.readTextFileSync(`${machine.folder}/show.sh.env`).split("\n");
    assert.ok(seen.includes(`PATH=${machine.env.PATH}`), "PATH was changed");
    const ofRuntime = seen.filter((line) => /^(DENO_|ALEXA_LOADER_)/.test(line)).sort();
    assert.deepEqual(ofRuntime, Object.entries(own).map(([name, value]) => `${name}=${value}`));
    Deno.removeSync(`${machine.folder}/show.sh.env`);
  }
});

Deno.test("the one file's permissions hold: no /proc through Deno, no code from elsewhere", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  assert.equal((await machine.run(file, "--version")).code, 0);
  const [entry] = machine.entries();
  Deno.writeTextFileSync(
    `${machine.folder}/tries.js`,
    `const tries = {
      proc: () => Deno.readTextFile("/proc/self/status"),
      https: () => import("https://127.0.0.1:9/code.js"),
      http: () => import("http://127.0.0.1:9/code.js"),
      jsr: () => import("jsr:@std/assert"),
      npm: () => import("npm:zod"),
      granted: () => Deno.readTextFile(new URL(import.meta.url)),
    };
    const told = {};
    for (const [name, act] of Object.entries(tries)) {
      told[name] = await act().then(() => "allowed", (error) => error.name + ": " + error.message);
    }
    console.log(JSON.stringify(told));`,
  );
  const flags = flagsOf(file);
  const { code, stdout, stderr } = await machine.run(
    `${machine.cache}/${entry}/alexa-loader`,
    "run",
    ...flags,
    `${machine.folder}/tries.js`,
  );
  assert.equal(code, 0, stderr);
  const told = JSON.parse(stdout);
  assert.match(told.proc, /^NotCapable: /);
  for (const name of ["https", "http", "jsr", "npm"]) {
    assert.match(told[name], /^(TypeError|NotCapable): /, name);
  }
  assert.doesNotMatch(told.https + told.http, /connect|sending request/i); // refused, not merely out of reach
  assert.equal(told.granted, "allowed");
});
