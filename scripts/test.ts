/**
 * `deno task test [FILTER …]`: runs every test that can run on this machine and closes with one plain line of real
 * counts. Arguments are test files or folders, or options of `deno test`; without a file or folder, all of them. What
 * hangs fails: a test after TEST_LIMIT_SEC (120) or its own `timeout`, the whole run after TEST_RUN_LIMIT_SEC (1800).
 * TEST_SKIPPED names a file that gets the file and name of each skipped test.
 *
 * `--fast`: unit and property tests that start no process (see tests/support/with_processes.ts), which they have no
 * permission for; more files at once, since what is left mostly waits.
 */
import { commandLine, environmentOf, listPids } from "../lib/sys/process/procfs.ts";

const root = new URL("..", import.meta.url).pathname;
const fast = Deno.args.includes("--fast");
const args = Deno.args.filter((arg) => arg !== "--fast");
if (args.every((arg) => arg.startsWith("-"))) {
  args.push(...(fast ? ["tests/unit", "tests/property"] : ["tests/"]));
}
const permissions = fast
  ? ["read", "write", "net", "env", "sys", "ffi", "import"].map((name) => `--allow-${name}`)
  : ["-A"];
const runLimitSec = Number(Deno.env.get("TEST_RUN_LIMIT_SEC") ?? 1800);
/** In the environment of all that the tests start. */
const markVariable = "TEST_RUN";
const mark = crypto.randomUUID();

const child = new Deno.Command(Deno.execPath(), {
  args: [
    ...["test", ...permissions, "--no-prompt", "--unstable-net", "--no-check", "--parallel"],
    "--permit-no-files",
    ...["--preload", `${root}tests/support/limit.ts`],
    ...args,
  ],
  cwd: root,
  env: {
    DENO_JOBS: String(Math.max(2, navigator.hardwareConcurrency) * (fast ? 2 : 1)),
    ...(fast ? { CONFIG_MUTATIONS: "50" } : {}),
    NO_COLOR: "1",
    [markVariable]: mark,
  },
  stdout: "piped",
  stderr: "inherit",
}).spawn();
// Ctrl-C reaches the test run itself; we stay to read its last words.
Deno.addSignalListener("SIGINT", () => {});

const reader = child.stdout.getReader();
let late = false;
const limit = setTimeout(() => {
  late = true;
  endAll();
  reader.cancel();
}, runLimitSec * 1000);

const decoder = new TextDecoder();
let rest = "";
let closing: string | undefined;
const skipped: { file: string; name: string }[] = [];
for (let read = await reader.read(); !read.done; read = await reader.read()) {
  await write(read.value);
  const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n");
  rest = lines.pop()!;
  for (const line of lines) look(line);
}
look(rest);
clearTimeout(limit);
const status = await child.status;
const left = endAll();

function look(line: string): void {
  if (/^(ok|FAILED) \| /.test(line)) closing = line;
  const [, file, name = ""] = /^(\S+) => (.*) \.\.\. ignored/.exec(line) ?? [];
  if (file) skipped.push({ file, name });
}

async function write(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/** Ends the run and what its tests have started and not ended, which it tells. */
function endAll(): string[] {
  return listPids().filter((pid) => environmentOf(pid, markVariable) === mark).map((pid) => {
    const text = `pid ${pid} ${commandLine(pid).join(" ")}`;
    try {
      Deno.kill(pid, "SIGKILL");
    } catch { /* it has ended */ }
    return text;
  });
}

/** Tests and steps: a step that is left out is a promise that is not looked at, as a test is. */
function count(word: string): number {
  const [, tests, steps] = new RegExp(`(\\d+) ${word}(?: \\((\\d+) steps?\\))?`).exec(closing ?? "") ?? [];
  return Number(tests ?? 0) + (word === "ignored" ? Number(steps ?? 0) : 0);
}

const [passed, failed, ignored] = [count("passed"), count("failed") + (late ? 1 : 0), count("ignored")];
if (late) console.log(`\nThe run has not ended within ${runLimitSec} s.`);
else if (left.length > 0) console.log(`\nLeft by the tests, and ended:\n${list(left)}`);
if (skipped.length > 0 && !fast) {
  console.log(`\nSkipped:\n${list(skipped.map(({ file, name }) => `${file} => ${name}`))}`);
}
const skippedFile = Deno.env.get("TEST_SKIPPED");
if (skippedFile) {
  Deno.writeTextFileSync(skippedFile, skipped.map(({ file, name }) => `${file}\t${name}\n`).join(""));
}
console.log(`\n${passed} passed, ${failed} failed${ignored > 0 ? `, ${ignored} skipped` : ""}`);
Deno.exit(closing === undefined ? 1 : status.code);

function list(texts: readonly string[]): string {
  return texts.map((text) => `  ${text}`).join("\n");
}
