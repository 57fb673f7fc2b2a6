import assert from "node:assert/strict";
import { runCommand } from "../../../../lib/sys/process/command.ts";
import { isGone, readStat } from "../../../../lib/sys/process/procfs.ts";
import { read, start, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const sh = (script: string) => ["sh", "-c", script];

withProcesses.test("runCommand() gives code and both outputs", async () => {
  const result = await runCommand(sh("echo out; echo err >&2; exit 7"), { timeoutMs: 10_000 });
  assert.deepEqual(result, {
    code: 7,
    signal: null,
    stdout: "out\n",
    stderr: "err\n",
    timedOut: false,
    missing: false,
  });
});

withProcesses.test("runCommand() keeps at most maxOutputBytes and reads the rest away", async () => {
  const result = await runCommand(sh("head -c 500000 /dev/zero | tr '\\0' a"), {
    timeoutMs: 10_000,
    maxOutputBytes: 1000,
  });
  assert.equal(result.code, 0, "never blocked on a full pipe");
  assert.equal(result.stdout, "a".repeat(1000));
});

Deno.test("runCommand() says that a program is missing", async () => {
  const result = await runCommand(["/no/such/program"], { timeoutMs: 1000 });
  assert.ok(result.missing && result.code === null && result.stderr !== "");
});

/** A command whose helper holds the pipes and ignores TERM; the pids are in the folder. */
function stubborn(dir: string): string[] {
  return sh(
    `trap '' TERM; sh -c "trap '' TERM; echo \\$\\$ > ${dir}/helper; sleep 300" & echo $$ > ${dir}/leader; wait`,
  );
}

for (const how of ["time limit", "abort"]) {
  withProcesses.test(`runCommand() kills the whole group at the ${how}`, async () => {
    const dir = Deno.makeTempDirSync();
    try {
      const abort = new AbortController();
      const running = runCommand(stubborn(dir), {
        timeoutMs: how === "abort" ? 60_000 : 700,
        signal: abort.signal,
      });
      const pids = await until(() => {
        const found = [read(`${dir}/leader`), read(`${dir}/helper`)].map(Number);
        return found.every((pid) => pid > 0) && found;
      });
      if (how === "abort") {
        const reason = new Error("stop");
        abort.abort(reason);
        await assert.rejects(() => running, reason);
      } else {
        const result = await running;
        assert.ok(result.timedOut && result.code === null && result.signal === "SIGKILL");
      }
      await until(() => pids.every((pid) => isGone(readStat(pid))));
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}

Deno.test("runCommand() starts nothing when it is aborted already", async () => {
  const reason = new Error("stop");
  await assert.rejects(
    () => runCommand(["/no/such/program"], { timeoutMs: 1, signal: AbortSignal.abort(reason) }),
    reason,
  );
});

const linux = Deno.build.os === "linux";

withProcesses.test({
  name: "R1: runCommand() goes by the exit, not by who holds the pipe, and ends what the command left",
  ignore: !linux,
  async fn() {
    const dir = Deno.makeTempDirSync();
    const daemon = () => Number(read(`${dir}/daemon`));
    try {
      const result = await runCommand(
        sh(
          `setsid sh -c 'echo $$ > ${dir}/daemon; exec sleep 300' & while ! [ -s ${dir}/daemon ]; do sleep 0.01; done; echo out`,
        ),
        { timeoutMs: 60_000 },
      );
      assert.deepEqual([result.code, result.stdout, result.timedOut], [0, "out\n", false]);
      assert.ok(isGone(readStat(daemon())));
    } finally {
      if (!isGone(readStat(daemon()))) Deno.kill(daemon(), "SIGKILL");
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

withProcesses.test({
  name: "R1: runCommand() gives up a pipe that a stranger holds",
  ignore: !linux,
  async fn() {
    // Its environment is its own and it was never below the command: nothing says that the command let it in.
    const dir = Deno.makeTempDirSync();
    try {
      new Deno.Command("mkfifo", { args: [`${dir}/pipe`] }).outputSync();
      await using other = start([
        "sh",
        "-c",
        `exec 3<> ${dir}/pipe; read -r line <&3; exec sleep 300 > "$line"`,
      ]);
      const result = await runCommand(
        sh(
          `echo /proc/$$/fd/1 > ${dir}/pipe; while [ "$(readlink /proc/${other.pid}/fd/1)" = /dev/null ]; do sleep 0.01; done; exit 3`,
        ),
        { timeoutMs: 60_000 },
      );
      assert.deepEqual([result.code, result.timedOut], [3, false]);
      assert.ok(other.alive, "who is not known to be the command's is nobody's to end");
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

withProcesses.test({
  name: "runCommand() ends what left the command's group, session and environment",
  ignore: !linux,
  async fn() {
    assert.deepEqual(await inOwnProcess([], "leaves"), { code: 0, stdout: "done\n", left: 0 });
  },
});

/** Makes a pid namespace, in which the next pid can be chosen. */
const namespace = ["unshare", ...(Deno.uid() === 0 ? [] : ["-Ur"]), "-pf", "--mount-proc"];

Deno.test({
  name: "R2: runCommand() spares who was given the number of a command that has ended",
  ignore: !linux || !canMakeNamespaces(),
  async fn() {
    assert.deepEqual(await inOwnProcess(namespace, "reused"), {
      same: true,
      killed: null,
      daemon: false,
      code: 0,
    });
  },
});

Deno.test({
  name: "R2: ProcessFamily does not take who was given the number of a session for one of it",
  ignore: !linux || !canMakeNamespaces(),
  async fn() {
    assert.deepEqual(await inOwnProcess(namespace, "renamed"), { seen: 1, same: true, claimed: false });
  },
});

function canMakeNamespaces(): boolean {
  try {
    return new Deno.Command(namespace[0]!, { args: [...namespace.slice(1), "true"], stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

async function inOwnProcess(before: string[], scenario: string): Promise<unknown> {
  const child = new URL("../../../support/command_child.ts", import.meta.url).pathname;
  const [program, ...args] = [
    ...before,
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    "--no-check",
    child,
    scenario,
  ];
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
