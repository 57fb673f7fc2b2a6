/**
 * `deno task test [FILTER …]`: runs every test that can run on this machine and closes with one plain line of real
 * counts. Arguments are test files or folders; without any, all of them.
 */
const root = new URL("..", import.meta.url).pathname;
const args = Deno.args.length > 0 ? Deno.args : ["tests/"];

const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--unstable-net", "--no-check", "--parallel", "--permit-no-files", ...args],
  cwd: root,
  env: { DENO_JOBS: String(Math.max(2, navigator.hardwareConcurrency)), NO_COLOR: "1" },
  stdout: "piped",
  stderr: "inherit",
}).spawn();
// Ctrl-C reaches the test run itself; we stay to read its last words.
Deno.addSignalListener("SIGINT", () => {});

const decoder = new TextDecoder();
let rest = "";
let closing: string | undefined;
const skipped: string[] = [];
for await (const chunk of child.stdout) {
  await write(chunk);
  const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
  rest = lines.pop()!;
  for (const line of lines) look(line);
}
look(rest);
const status = await child.status;

function look(line: string): void {
  if (/^(ok|FAILED) \| /.test(line)) closing = line;
  const ignored = /^(.*) \.\.\. ignored/.exec(line);
  if (ignored) skipped.push(ignored[1].trim());
}

async function write(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(closing ?? "")?.[1] ?? 0);
const [passed, failed, ignored] = [count("passed"), count("failed"), count("ignored")];
if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((name) => `  ${name}`).join("\n")}`);
console.log(`\n${passed} passed, ${failed} failed${ignored > 0 ? `, ${ignored} skipped` : ""}`);
Deno.exit(closing === undefined ? 1 : status.code);
