import assert from "node:assert/strict";
import { withProcesses } from "../../../support/with_processes.ts";

const lib = new URL("../../../../lib/sys/process/", import.meta.url).href;
/** Executes itself once, with one of two pipes kept open, and a child that signals the next one at its very beginning. */
const program = `
  import { execute, keepOpen } from "${lib}exec.ts";
  import { holdSignals } from "${lib}signals.ts";
  import { openPipe, readFd, readLink, writeFd } from "${lib}libc.ts";
  import { goOnWithChild, startProcess } from "${lib}process.ts";
  import { systemClock } from "${lib.replace("process/", "")}clock.ts";
  const [self, pid, kept, closed, child, startTime, pipe] = Deno.args;
  const linkOf = (fd) => readLink("/proc/self/fd/" + fd);
  if (pid === undefined) {
    const [[kept, input], [closed]] = [openPipe(), openPipe()];
    writeFd(input, new TextEncoder().encode("still there"));
    const script = "until grep -q second /proc/$PPID/cmdline; do :; done; kill -s TERM $PPID; exit 7";
    const command = { argv: ["/bin/sh", "-c", script], env: { PATH: "/usr/bin:/bin" }, cwd: "/", stdin: "null" };
    const child = startProcess(command, 1, 2);
    keepOpen([kept], true);
    holdSignals(true);
    const args = [self, Deno.pid, kept, closed, child.pid, child.startTime, linkOf(closed), "second"].map(String);
    execute({ argv: [Deno.execPath(), "run", "-A", "--quiet", "--no-check", self, ...args], env: Deno.env.toObject() });
    console.log("not executed");
  } else {
    const told = new Promise((resolve) => Deno.addSignalListener("SIGTERM", () => resolve("SIGTERM")));
    holdSignals(false);
    const id = { pid: Number(child), startTime: Number(startTime) };
    const none = { input: null, out: null, err: null };
    const { exited } = goOnWithChild(id, none, {
      ours: true, status: null, clock: systemClock, onStdout() {}, onStderr() {},
    });
    const bytes = new Uint8Array(100);
    const text = new TextDecoder().decode(bytes.subarray(0, readFd(Number(kept), bytes)));
    console.log(JSON.stringify({
      same: Deno.pid === Number(pid), text, closed: linkOf(closed) !== pipe, signal: await told, exit: await exited,
    }));
    Deno.exit();
  }
`;

withProcesses.test({
  name:
    "execute() keeps the process, its children with their true ends, what is to stay open, and a signal that was held",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const self = Deno.makeTempFileSync({ suffix: ".ts" });
    try {
      Deno.writeTextFileSync(self, program);
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "--no-check", self, self],
        stdin: "null",
      }).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assert.deepEqual(JSON.parse(out || `"${err}"`), {
        same: true,
        text: "still there",
        closed: true,
        signal: "SIGTERM",
        exit: { code: 7, signal: null },
      });
    } finally {
      Deno.removeSync(self);
    }
  },
});

withProcesses.test({
  name: "watchForStops() sees a signal that the event loop has not told, and takes nothing from it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const code = `
      import { watchForStops } from "${lib}exec.ts";
      import { listNumbers } from "${lib}libc.ts";
      let told = 0;
      Deno.addSignalListener("SIGTERM", () => told++);
      const turns = async (n) => { while (told < n) await new Promise((resolve) => setTimeout(resolve, 1)); };
      const seen = [];
      {
        using stops = watchForStops();
        seen.push(stops.came());
        Deno.kill(Deno.pid, "SIGTERM");
        while (!stops.came()) listNumbers("/proc/self/fd");
        seen.push(stops.came(), told);
      }
      await turns(1);
      Deno.kill(Deno.pid, "SIGTERM");
      await turns(2);
      console.log(JSON.stringify([...seen, told]));
      Deno.exit();`;
    const self = Deno.makeTempFileSync({ suffix: ".ts" });
    try {
      Deno.writeTextFileSync(self, code);
      const args = ["run", "-A", "--quiet", "--no-check", self];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
      assert.equal(new TextDecoder().decode(stdout), "[false,true,0,2]\n");
    } finally {
      Deno.removeSync(self);
    }
  },
});
