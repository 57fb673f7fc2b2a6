/** Another version of the program in the place of the one that runs: nobody notices. Spec: §4, §7; CONTRACT §1. */
import assert from "node:assert/strict";
import { python } from "../chaos/assistant.ts";
import { assertNumbered, noteVariable, stormConfig, upgradeStorm } from "../chaos/upgrades.ts";
import { selfExtractingFile } from "../support/built.ts";
import { carriers } from "../support/leftovers.ts";
import { LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";

const measure = Deno.env.get("ALEXA_MEASURE") !== undefined;
const linux = Deno.build.os === "linux";

// A built program begins with a shell, which would reap whoever ends while it runs.
for (const kind of ["source", "built"]) {
  Deno.test({
    name:
      `10 restarts in place (${kind}): one pid, no service restarted, no line lost or doubled, every true exit code told`,
    ignore: !linux || python === null,
    async fn() {
      await using home = new TestHome();
      const config = stormConfig(home, python!, 2);
      const program = kind === "built" ? { program: await selfExtractingFile() } : {};
      const report = await upgradeStorm(home, config, {
        rounds: 10,
        upgrade: ["reload", "--exec"],
        ...program,
      });
      if (measure) console.log(report);
    },
  });
}

Deno.test({
  name: "a SIGTERM while one version executes the next stops everything in order: it is not lost",
  ignore: !linux || python === null,
  async fn() {
    for (const delayMs of [0, 60, 90, 150, 300]) {
      await using home = new TestHome();
      const config = stormConfig(home, python!, 1), env = { [noteVariable]: "x" };
      await using loader = new LoaderProcess(home, ["up", "--config", config], { env });
      await loader.waitLine(/SYSTEM_READY:/);
      const asked = runLoader(home, ["reload", "--exec", "--config", config], { env }).catch(() => {});
      await loader.waitLine(/Executing /);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      loader.signal("SIGTERM");
      assert.equal(await loader.exit(), 0, `${delayMs} ms\n${loader.log}`);
      assert.ok(loader.messages("LOADER").some((text) => text.startsWith("Stopping (SIGTERM)")), loader.log);
      await asked;
      await home.assertNothingLeft([], loader.pid);
    }
  },
});

interface Bad {
  name: string;
  /** Shell words of a new version that is otherwise the good one, `$good`; or what else is done to its file. */
  script?: string;
  file?(path: string, good: string): void;
  flags?: string[];
  /** What the one who asked is told. */
  says: RegExp;
  /** The version before is executed again, or (crash) started by the watcher: then it is another process. */
  takenBack?: "same process" | "another process";
}

const onTakeOver = (act: string) =>
  `case "$*" in
  *--rehearse*) "$good" "$@" >/dev/null && echo "ready to take over"; exit ;;
  *--take-over=*) ${act} ;;
esac
exec "$good" "$@"`;
const handover = `"$(printf '%s\\n' "$@" | sed -n 's/^--take-over=//p')"`;

const bad: Bad[] = [
  { name: "crashes at its start", script: "kill -s SEGV $$", says: /does not run here: it ended with code/ },
  { name: "hangs", script: "exec sleep 60", says: /does not run here: no answer within 10 s/ },
  {
    name: "refuses the configuration",
    script: `case "$1" in check) echo "loader.yaml:1: no" >&2; exit 2 ;; esac; exec "$good" "$@"`,
    says: /refuses the configuration: loader.yaml:1: no/,
  },
  {
    name: "is of another machine",
    file(path) {
      const elf = new Uint8Array(4096);
      elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
      elf.set([2, 0, 0xf3, 0, 1, 0, 0, 0], 16); // an executable for RISC-V
      Deno.writeFileSync(path, elf, { mode: 0o755 });
    },
    says: /does not run here: /,
  },
  {
    name: "is cut short",
    file(path, good) {
      Deno.copyFileSync(good, path);
      Deno.truncateSync(path, 2_000_000);
    },
    says: /does not run here: .*damaged/,
  },
  {
    name: "has another sum",
    script: `exec "$good" "$@"`,
    flags: ["--sha256", "0".repeat(64)],
    says: /the SHA-256 of \S+ is [0-9a-f]{64}, and should be 0{64}/,
  },
  {
    name: "understands only another format of the state",
    script: onTakeOver("").replace(
      "*--rehearse*)",
      `*--rehearse*) sed -i 's/"format":1,"from"/"format":2,"from"/' ${handover};`,
    ),
    says: /would not take over: .*has format 2, and this version understands only 1/,
  },
  {
    name: "fails while it takes over",
    script: onTakeOver(`unset ${noteVariable}`),
    says: /1\.0\.0 goes on: .* did not take over \(.*UPGRADE_NOTE/,
    takenBack: "same process",
  },
  {
    name: "ends while it takes over",
    script: onTakeOver("exit 1"),
    says: /goes on: .* did not take over \(it ended before it had taken over\)/,
    takenBack: "another process",
  },
  {
    name: "is killed while it takes over",
    script: onTakeOver("kill -s KILL $$"),
    says: /did not take over \(it ended before/,
    takenBack: "another process",
  },
  {
    name: "hangs while it takes over",
    script: onTakeOver("sleep 15"),
    says: /did not take over \(it ended before/,
    takenBack: "another process",
  },
];

Deno.test({
  name:
    "a built file is upgraded in place, back and forth; a bad version is refused or rolled back, and nobody restarted",
  ignore: !linux || python === null,
  async fn(t) {
    const built = await selfExtractingFile();
    const home = new TestHome();
    await using _ = home;
    const program = `${home.dir}/alexa-loader`, good = `${home.dir}/good`;
    for (const path of [program, good]) Deno.copyFileSync(built, path);
    const env = { [noteVariable]: "x", XDG_CACHE_HOME: `${built.slice(0, built.lastIndexOf("/"))}/cache` };
    const config = stormConfig(home, python!, 1);
    const ask = (...words: string[]) => runLoader(home, [...words, "--config", config], { program, env });
    const status = async () => JSON.parse((await ask("status", "--json")).out);
    const pidsOf = ({ services }: { services: { name: string; pid: number; restarts: number }[] }) =>
      services.filter(({ name }) => name !== "dying").map(({ pid, restarts }) => ({ pid, restarts }));
    await using loader = new LoaderProcess(home, ["up", "--config", config], { program, env });
    await loader.waitLine(/SYSTEM_READY:/);
    const before = await status();

    await t.step("upgrade and --rollback", async () => {
      const sum = await sha256(Deno.readFileSync(good));
      for (const words of [["upgrade", good, "--sha256", sum], ["upgrade", "--rollback"]]) {
        const { code, out, err } = await ask(...words);
        assert.equal(code, 0, `${out}${err}\n${loader.log.slice(-2000)}`);
        assert.match(out, /^1\.0\.0 -> 1\.0\.0: 3 services go on, unsupervised for \d+ ms$/);
        assert.ok(exists(`${program}.previous`));
      }
    });
    let pid: number = before.pid;
    for (const { name, script, file, flags = [], says, takenBack } of bad) {
      await t.step(`a version that ${name}`, async () => {
        const fresh = `${home.dir}/fresh`;
        if (script) Deno.writeTextFileSync(fresh, `#!/bin/sh\ngood='${good}'\n${script}\n`, { mode: 0o755 });
        else file!(fresh, good);
        const began = performance.now();
        const { code, out, err } = await ask("upgrade", fresh, ...flags);
        const took = performance.now() - began;
        const log = Deno.readTextFileSync(`${home.logs()}/loader.log`).slice(-3000);
        assert.match(out + err, says, log);
        assert.equal(code, takenBack ? 4 : 1, out + err);
        assert.ok(took < (measure ? 12_500 : 40_000), `${Math.round(took)} ms`); // others may use the machine

        const after = await status();
        assert.deepEqual(pidsOf(after), pidsOf(before), "nobody was restarted");
        assert.equal(after.pid !== pid, takenBack === "another process");
        pid = after.pid;
        assert.deepEqual(Deno.readFileSync(program), Deno.readFileSync(good), "the file is as it was");
        assert.ok(!exists(`${program}.new`));
        Deno.removeSync(fresh);
      });
    }
    await until(
      "the end of what a bad version had started itself",
      () => carriers(home.mark).every(({ command }) => !command.startsWith("sleep")),
    );
    assert.equal((await ask("stop")).code, 0);
    await home.assertNothingLeft([], pid);
    const last = Number(Deno.readTextFileSync(`${home.dir}/flood.last`));
    await assertNumbered(`${home.logs()}/flood.log`, last);
  },
});

const sha256 = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}
