import assert from "node:assert/strict";
import { Log } from "../../../lib/log/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { mayMount, smallDisk } from "../../support/small_disk.ts";
import { withProcesses } from "../../support/with_processes.ts";

const chatter = new URL("chatter.ts", import.meta.url).pathname;

function start(folder: string, megabytes: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--unstable-net", chatter, folder, String(megabytes)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

function outcome(folder: string) {
  const result = JSON.parse(Deno.readTextFileSync(`${folder}/result.json`));
  const lines = Deno.readTextFileSync(`${folder}/llm.log`).split("\n").length - 1;
  return { ...result, complete: lines === result.lines && lines > 0 };
}

withProcesses.test("a terminal that nobody reads blocks nothing: the files are complete, the end comes in time", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "log_" });
  const child = start(folder, 30);
  const { code } = await child.status; // its standard output is never read
  const { complete, flushed, flushMs, longestMs } = outcome(folder);
  await child.stdout.cancel();
  assert.deepEqual({ code, complete, flushed }, { code: 0, complete: true, flushed: false });
  assert.ok(flushMs < 1500, `flush took ${flushMs} ms`);
  assert.ok(longestMs < 1500, `${longestMs} ms in one write`);
  Deno.removeSync(folder, { recursive: true });
});

withProcesses.test("a terminal that is closed turns the console off, and the program goes on", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "log_" });
  const child = start(folder, 10);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^MAIN {5}INFO = first\n/); // no colours: not a terminal
  await reader.cancel();
  const { code } = await child.status;
  const { complete, flushed } = outcome(folder);
  assert.deepEqual({ code, complete, flushed }, { code: 0, complete: true, flushed: true });
  Deno.removeSync(folder, { recursive: true });
});

withProcesses.test("a reader that keeps up gets the loader's lines, and the number of those it did not get", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "log_" });
  const child = start(folder, 10);
  const text = await new Response(child.stdout).text();
  await child.status;
  const { lines, complete } = outcome(folder);
  const shown = text.match(/^LLM {6}INFO = x{99}$/gm)?.length ?? 0;
  let hidden = 0;
  for (const gap of text.matchAll(/^LOADER {3}WARNING = (\d+) lines were not shown.*$/gm)) {
    hidden += Number(gap[1]);
  }
  assert.deepEqual([shown + hidden, complete], [lines, true]);
  assert.match(text, /^MAIN {5}INFO = first$/m);
  assert.match(text, /^MAIN {5}INFO = last$/m);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test({
  name: "a disk that is really full costs lines, never the program, and the log says how many",
  ignore: !mayMount,
  fn: fullDisk,
});

async function fullDisk(): Promise<void> {
  using disk = smallDisk();
  const clock = new FakeClock();
  let shown = "";
  const log = new Log({
    dir: `${disk.path}/logs`,
    clock,
    combined: false,
    childOutput: false,
    console: async (bytes) => void (shown += new TextDecoder().decode(bytes)),
  });
  const ballast = `${disk.path}/ballast`;
  Deno.writeFileSync(ballast, new Uint8Array(32 * 1024));
  const relay = log.relay("LLM");
  const line = new TextEncoder().encode("x".repeat(99) + "\n");
  for (let i = 0; i < 1000; i++) relay.write(line);
  log.info("KWD", "no room for this either");
  Deno.removeSync(ballast);
  await clock.advance(1000);
  relay.write(line);
  await log[Symbol.asyncDispose]();
  const file = Deno.readTextFileSync(`${disk.path}/logs/llm.log`).split("\n");
  assert.equal(file.pop(), "");
  const lost = Number(/WARNING = (\d+) lines were lost here: No space left/.exec(file.at(-2)!)?.[1]);
  assert.equal(file.length - 2 + lost, 1000);
  assert.ok(
    file.length > 100 &&
      file.every((line) => /^\S{24} (LLM {6}INFO = x{99}|LOADER {3}WARNING = .*)$/.test(line)),
  );
  assert.match(
    shown,
    /^LOADER {3}WARNING = Cannot write .*llm\.log: No space left[^\n]*\n(KWD[^\n]*\n)?LOADER {3}INFO = Log files/,
  );
}

const script = ["/usr/bin/script", "/bin/script"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

withProcesses.test({
  name: "colours appear on a terminal only, and not against NO_COLOR or TERM=dumb",
  ignore: script === undefined || Deno.build.os !== "linux",
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "log_" });
    const onTerminal = async (env: Record<string, string>) => {
      const command =
        `'${Deno.execPath()}' run -A --quiet --unstable-net --no-code-cache '${chatter}' '${folder}' 0`;
      const { stdout } = await new Deno.Command(script!, {
        args: ["-qec", command, "/dev/null"],
        env: { TERM: "xterm", NO_COLOR: "", ...env },
        stdin: "null",
      }).output();
      return new TextDecoder().decode(stdout).replaceAll("\r", "");
    };
    const plain = "MAIN     INFO = first\nMAIN     INFO = last\n";
    const colored = plain.replaceAll(/^MAIN {5}/gm, "\x1b[90m$&\x1b[0m");
    assert.equal(await onTerminal({}), colored);
    assert.equal(await onTerminal({ NO_COLOR: "1" }), plain);
    assert.equal(await onTerminal({ TERM: "dumb" }), plain);
    Deno.removeSync(folder, { recursive: true });
  },
});
