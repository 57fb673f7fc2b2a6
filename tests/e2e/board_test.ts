/** The board below the log of `up` on a terminal; the screens are those of xterm. Spec: §7, §12. */
import assert from "node:assert/strict";
import { command, TestHome, until } from "../support/loader_process.ts";
import { OnTerminal } from "../support/screen.ts";
import { withoutPython } from "../unit/demo/python.ts";

const test = (name: string, fn: (home: TestHome) => Promise<void>) =>
  Deno.test({
    name: `board ${name}`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      await fn(home);
      await home.assertNothingLeft([]);
    },
  });

function demo(
  home: TestHome,
  { args = ["demo"], env = {}, ...size }: {
    args?: string[];
    env?: Record<string, string>;
    rows?: number;
    columns?: number;
  } = {},
): OnTerminal {
  return new OnTerminal([...command(), ...args], {
    env: { ...home.environment(), TERM: "xterm-256color", LANG: "C.UTF-8", LC_ALL: "C.UTF-8", ...env },
    ...size,
  });
}

const shows = (terminal: OnTerminal, what: RegExp) =>
  until(
    `${what} on the screen`,
    () => terminal.screen.lines.some((line) => what.test(line)),
    () => terminal.screen.lines.join("\n"),
  );
const ready = "You can talk  (Enter: services, q: hide)";
const lastLine = (terminal: OnTerminal, line: string) =>
  until(line, () => terminal.screen.lines.at(-1) === line, () => terminal.screen.lines.join("\n"));

/** The log alone: what a pipe would have got. */
function assertLog(lines: string[]): void {
  for (const line of lines) assert.match(line, /^[A-Z]+ +(INFO|WARNING|ERROR) = /);
  for (const tag of ["KWD", "STT", "LLM", "TTS"]) {
    assert.equal(lines.filter((line) => line.startsWith(tag) && / Starting \(/.test(line)).length, 1, tag);
  }
  assert.match(lines.at(-1)!, /Shutdown complete$/);
}

test("stands below the log while it boots, folds when one can talk, and is gone in the end", async (home) => {
  await using terminal = demo(home);
  await shows(terminal, /^Not yet: \w+ is [\w ]+, \d of 4 up$/);
  await shows(terminal, /^ {2}tts {2}waits$/);
  await shows(terminal, /^› kwd {2}up/);
  await lastLine(terminal, ready);
  await terminal.type("\x03");
  assert.equal(await terminal.code, 0);
  assertLog(terminal.screen.lines);
});

test("restarts a service at two keys, says before what that costs, and then what became of it", async (home) => {
  await using terminal = demo(home, { rows: 24, columns: 60 });
  await lastLine(terminal, ready);
  await terminal.type("\r");
  await shows(terminal, /^› kwd {2}up/);
  await terminal.type("jj\r");
  await lastLine(terminal, "llm: r restart (it is away meanwhile), Esc back");
  await terminal.type("r");
  await lastLine(terminal, "restart llm: done");
  await terminal.type("\x1b");
  await lastLine(terminal, ready);
  await terminal.type("q");
  await until("the log alone", () => !terminal.screen.lines.some((line) => line.includes("You can talk")));
  await terminal.type("\x03");
  assert.equal(await terminal.code, 0);
  assert.equal(terminal.screen.lines.filter((line) => /^LLM.* Starting \(/.test(line)).length, 2);
});

test("goes on after Ctrl-Z and fg, and on a terminal of another size", async (home) => {
  await using terminal = demo(home);
  await lastLine(terminal, ready);
  await terminal.resize(12, 40);
  await terminal.type("\x1a");
  await terminal.screen.write("\r\n$ fg\r\n");
  await terminal.goOn();
  await until("it below what the shell wrote", () => {
    const { lines } = terminal.screen;
    return lines.indexOf("$ fg") >= 0 && lines.lastIndexOf("You can talk") > lines.indexOf("$ fg");
  }, () => terminal.screen.lines.join("\n"));
  await terminal.type("\r");
  await shows(terminal, /^› kwd {2}up/);
  await terminal.type("\x03");
  assert.equal(await terminal.code, 0);
});

test("keeps to ASCII where the locale does", async (home) => {
  await using terminal = demo(home, { env: { LANG: "C", LC_ALL: "C" } });
  await shows(terminal, /^> kwd {2}/);
  await lastLine(terminal, ready);
  for (const line of terminal.screen.lines) assert.match(line, /^[\x20-\x7e]*$/);
  await terminal.type("\x03");
  assert.equal(await terminal.code, 0);
});

for (
  const [when, options] of [
    ["a terminal that knows no cursor", { env: { TERM: "dumb" } }],
    ["--plain", { args: ["demo", "--plain"] }],
  ] as const
) {
  test(`is not there with ${when}`, async (home) => {
    await using terminal = demo(home, {
      ...options,
      args: [...("args" in options ? options.args : ["demo"])],
    });
    await shows(terminal, /READY FOR WAKE WORD/);
    await terminal.type("\x03");
    assert.equal(await terminal.code, 0);
    assertLog(terminal.screen.lines.map((line) => line.replace(/^\^C/, ""))); // the terminal's own echo
  });
}
