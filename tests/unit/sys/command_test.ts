import assert from "node:assert/strict";
import { runCommand } from "../../../lib/sys/command.ts";
import { isGone, readStat } from "../../../lib/sys/procfs.ts";
import { read, until } from "../../support/strangers.ts";

const sh = (script: string) => ["sh", "-c", script];

Deno.test("runCommand() gives code and both outputs", async () => {
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

Deno.test("runCommand() feeds its input, and does not mind who does not want it", async () => {
  const stdin = new TextEncoder().encode("x".repeat(300_000));
  assert.equal((await runCommand(sh("wc -c"), { timeoutMs: 10_000, stdin })).stdout.trim(), "300000");
  assert.equal((await runCommand(sh("exec 0<&-; exit 4"), { timeoutMs: 10_000, stdin })).code, 4);
});

Deno.test("runCommand() keeps at most maxOutputBytes and reads the rest away", async () => {
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
  Deno.test(`runCommand() kills the whole group at the ${how}`, async () => {
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
