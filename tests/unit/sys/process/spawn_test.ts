import assert from "node:assert/strict";
import { spawnChild } from "../../../../lib/sys/process/process.ts";
import { spawnProcess } from "../../../../lib/sys/process/spawn.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const decoder = new TextDecoder();
const temp = () => Deno.makeTempDirSync({ prefix: "spawn-" });
const env = { PATH: Deno.env.get("PATH")! };

async function outputOf(argv: string[], o: { env?: Record<string, string>; cwd?: string } = {}) {
  let text = "";
  const child = spawnChild({
    argv,
    env,
    cwd: "/",
    stdin: "null",
    onStdout: (chunk) => void (text += decoder.decode(chunk)),
    onStderr: (chunk) => void (text += decoder.decode(chunk)),
    ...o,
  });
  await Promise.all([child.exited, child.drained]);
  await child.closeOutput();
  return text;
}

withProcesses.test("spawnProcess() starts with no signal blocked and none ignored that the runtime ignores", async () => {
  const status = await outputOf(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]);
  const ours = /^SigIgn:\s+(\w+)/m.exec(Deno.readTextFileSync("/proc/self/status"))![1];
  const [sigpipe, glibcsOwn] = [1n << 12n, 3n << 31n];
  assert.match(status, /^SigBlk:\s+0+$/m);
  const ignored = BigInt(`0x${/^SigIgn:\s+(\w+)/m.exec(status)![1]}`);
  assert.equal(ignored & ~glibcsOwn, BigInt(`0x${ours}`) & ~glibcsOwn & ~sigpipe);
});

withProcesses.test("spawnProcess() hands down its three descriptors, and of ours only what we were handed ourselves", async () => {
  const closeOnExec = (fd: string) =>
    Number(/^flags:\s+0(\d+)/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))![1]!.at(-7) ?? 0) & 2;
  const inherited = [...Deno.readDirSync("/proc/self/fdinfo")].map(({ name }) => name)
    .filter((fd) => {
      try {
        return !closeOnExec(fd);
      } catch {
        return false;
      }
    });
  const open = (await outputOf(["ls", "/proc/self/fd"])).trim().split("\n");
  const others = open.filter((fd) => !["0", "1", "2", ...inherited].includes(fd));
  assert.equal(others.length, 1, `the folder that it reads, and no more: ${others}`);
});

withProcesses.test("spawnProcess() finds programs as a shell does: in the child's PATH, or from its folder", async () => {
  const dir = temp();
  try {
    Deno.writeTextFileSync(`${dir}/hello`, "#!/bin/sh\necho hello $0 $*\n", { mode: 0o755 });
    assert.equal(
      await outputOf(["hello", "you"], { env: { PATH: `${dir}:/bin` } }),
      `hello ${dir}/hello you\n`,
    );
    assert.equal(await outputOf(["./hello"], { cwd: dir }), "hello ./hello\n");
    // Without its first line a script is the shell's.
    Deno.writeTextFileSync(`${dir}/bare`, "echo bare $1\n", { mode: 0o755 });
    assert.equal(await outputOf([`${dir}/bare`, "x y"]), "bare x y\n");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

withProcesses.test("spawnProcess() hands arguments and variables over byte for byte", async () => {
  const odd = "ä 'x' \"y\"\n\t$HOME \\";
  const text = await outputOf(["sh", "-c", 'printf "%s|%s|" "$1" "$ODD"', "sh", odd], {
    env: { ...env, ODD: odd },
  });
  assert.equal(text, `${odd}|${odd}|`);
  assert.throws(
    () => spawnProcess({ argv: ["true", "a\0b"], env, cwd: "/" }, [0, 1, 2]),
    /NUL in "a\\u0000b"/,
  );
});

withProcesses.test("spawnProcess() says why it cannot", () => {
  const dir = temp();
  try {
    Deno.writeTextFileSync(`${dir}/data`, "x", { mode: 0o644 });
    const start = (name: string, cwd = "/") => () => spawnProcess({ argv: [name], env, cwd }, [0, 1, 2]);
    assert.throws(
      start("no-such-program"),
      /'no-such-program' in \/: No such file or directory \(os error 2\)/,
    );
    assert.throws(start("/no/such"), /No such file or directory/);
    assert.throws(start(`${dir}/data`), /Permission denied \(os error 13\)/);
    assert.throws(start("true", "/no/such/folder"), /in \/no\/such\/folder: No such file or directory/);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
