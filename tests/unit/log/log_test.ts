import assert from "node:assert/strict";
import { Log, type LogEntry, type LogOptions } from "../../../lib/log/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function setUp(options: Partial<LogOptions> = {}) {
  const folder = Deno.makeTempDirSync({ prefix: "log_" });
  const clock = new FakeClock();
  let shown = "";
  const log = new Log({
    dir: `${folder}/logs`,
    clock,
    console: async (bytes) => void (shown += new TextDecoder().decode(bytes)),
    ...options,
  });
  return {
    log,
    clock,
    folder,
    dir: `${folder}/logs`,
    read: (name: string) => Deno.readTextFileSync(`${folder}/logs/${name}.log`),
    async shown() {
      await log.flush();
      return shown;
    },
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

Deno.test("Log writes each line to the console, its tag's file and the combined one", async () => {
  await using t = setUp();
  t.log.info("LOADER", "All services running (warm-ups complete); entering SYSTEM_READY");
  await t.clock.advance(1234);
  t.log.warning("STT", "slow\nvery");
  t.log.debug("STT", "details");
  const relay = t.log.relay("LLM");
  relay.write(bytesOf("loaded\nLLM      ERROR = ours\n"));
  assert.equal(
    await t.shown(),
    `LOADER   INFO = All services running (warm-ups complete); entering SYSTEM_READY
STT      WARNING = slow
STT      WARNING = very
LLM      INFO = loaded
LLM      ERROR = ours
`,
  );
  assert.equal(
    t.read("combined"),
    `2026-01-01T00:00:00.000Z LOADER   INFO = All services running (warm-ups complete); entering SYSTEM_READY
2026-01-01T00:00:01.234Z STT      WARNING = slow
2026-01-01T00:00:01.234Z STT      WARNING = very
2026-01-01T00:00:01.234Z STT      DEBUG = details
2026-01-01T00:00:01.234Z LLM      INFO = loaded
2026-01-01T00:00:01.234Z LLM      ERROR = ours
`,
  );
  const of = (tag: string) =>
    t.read("combined").split("\n").filter((line) => line.slice(25).startsWith(tag)).join("\n") + "\n";
  assert.deepEqual([t.read("loader"), t.read("stt"), t.read("llm")], [of("LOADER"), of("STT"), of("LLM")]);
  assert.equal(Deno.statSync(t.dir).mode! & 0o777, 0o700);
});

Deno.test("Log shows DEBUG lines with debug, colours with color, and no services' output without childOutput", async () => {
  await using t = setUp({ debug: true, color: true, childOutput: false, combined: false });
  t.log.debug("KWD", "x");
  t.log.relay("KWD").write(bytesOf("\x1b[31mred\x1b[0m\n"));
  assert.equal(await t.shown(), "\x1b[36mKWD      \x1b[0m\x1b[2mDEBUG\x1b[0m = x\n");
  assert.match(t.read("kwd"), /KWD {6}INFO = red\n$/);
  assert.deepEqual([...Deno.readDirSync(t.dir)].map((entry) => entry.name), ["kwd.log"]);
});

Deno.test("J10: each line of a service has the time at which it came, to the millisecond", async () => {
  await using t = setUp();
  const relay = t.log.relay("LLM");
  for (const line of ["a", "b", "c"]) {
    relay.write(bytesOf(`${line}\n`));
    await t.clock.advance(1);
  }
  assert.equal(
    t.read("llm"),
    `2026-01-01T00:00:00.000Z LLM      INFO = a
2026-01-01T00:00:00.001Z LLM      INFO = b
2026-01-01T00:00:00.002Z LLM      INFO = c
`,
  );
});

Deno.test("attachFiles() writes the lines of before, in order and with their own times", async () => {
  await using t = setUp({ dir: null });
  t.log.info("MAIN", "first");
  await t.clock.advance(5);
  t.log.relay("KWD").write(bytesOf("early\n"));
  assert.equal(t.log.dir, null);
  await t.clock.advance(5);
  t.log.attachFiles(t.dir);
  t.log.info("MAIN", "later");
  assert.equal(
    t.read("combined"),
    "2026-01-01T00:00:00.000Z MAIN     INFO = first\n2026-01-01T00:00:00.005Z KWD      INFO = early\n" +
      "2026-01-01T00:00:00.010Z MAIN     INFO = later\n",
  );
  assert.equal(await t.shown(), "MAIN     INFO = first\nKWD      INFO = early\nMAIN     INFO = later\n");
  assert.throws(() => t.log.attachFiles(t.dir), /already writes files/);
});

Deno.test("attachFiles() holds a bounded part of the lines of before, and says what is missing", async () => {
  await using t = setUp({ dir: null, childOutput: false });
  const relay = t.log.relay("KWD");
  for (let i = 0; i < 100; i++) relay.write(new Uint8Array(10_000).fill(120));
  relay.write(bytesOf("\n"));
  t.log.info("LOADER", "too late");
  for (let i = 0; i < 100; i++) t.log.info("LOADER", "x".repeat(10_000));
  t.log.attachFiles(t.dir);
  assert.ok(Deno.statSync(`${t.dir}/combined.log`).size < 300_000);
  assert.match(
    t.read("loader"),
    /LOADER {3}WARNING = \d+ bytes of log from before the log folder was known were not kept\n$/,
  );
});

Deno.test("observe() tells of the loader's lines, and of services' lines when asked to", async () => {
  await using t = setUp({ console: null });
  const own: LogEntry[] = [];
  const all: string[] = [];
  const relay = t.log.relay("LLM");
  using _own = t.log.observe((entry) => own.push(entry));
  const children = t.log.observe((entry) => all.push(`${entry.tag} ${entry.level} ${entry.message}`), {
    children: true,
  });
  t.log.error("STT", "two\nlines");
  relay.write(bytesOf("plain\nKWD      WARNING = \x1b[31mtheirs\n"));
  children[Symbol.dispose]();
  relay.write(bytesOf("unheard\n"));
  assert.deepEqual(own, [{
    tag: "STT",
    level: "ERROR",
    message: "two\nlines",
    at: new Date("2026-01-01T00:00:00Z"),
  }]);
  assert.deepEqual(all, ["STT ERROR two\nlines", "LLM INFO plain", "KWD WARNING theirs"]);
});

Deno.test("an observer or a listener that throws is dropped, and the line is written all the same", async () => {
  await using t = setUp();
  const fail = () => {
    throw new Error("broken");
  };
  t.log.observe(fail, { children: true });
  const relay = t.log.relay("LLM");
  relay.onLine(fail);
  relay.write(bytesOf("a\nb\n"));
  const shown = await t.shown();
  assert.equal(shown.match(/ERROR = A listener of LLM's output failed: broken/g)?.length, 1);
  assert.equal(shown.match(/ERROR = An observer of the log failed: broken/g)?.length, 1);
  assert.equal(t.read("llm").split("\n").length, 3);
});

Deno.test("a service called combined, or with an odd tag, gets a file of its own inside the folder", async () => {
  await using t = setUp();
  t.log.info("COMBINED", "a");
  t.log.info("../UP", "b");
  assert.deepEqual(
    [...Deno.readDirSync(t.dir)].map((entry) => entry.name).sort(),
    ["___up.log", "combined-service.log", "combined.log"],
  );
  assert.equal(t.read("combined").split("\n").length, 3);
});

Deno.test("a folder that cannot be written costs one warning on the console, and later one line about it", async () => {
  await using t = setUp();
  Deno.writeTextFileSync(t.dir, "a file where the folder should be");
  t.log.info("LOADER", "one");
  t.log.info("KWD", "two");
  t.log.relay("KWD").write(bytesOf("three\n"));
  await t.clock.advance(1000);
  t.log.info("LOADER", "four");
  assert.equal(
    (await t.shown()).match(/WARNING = Cannot write .*; log lines are lost until this works again/g)?.length,
    1,
  );
  Deno.removeSync(t.dir);
  await t.clock.advance(1000);
  t.log.info("LOADER", "five");
  assert.match(
    await t.shown(),
    /LOADER {3}INFO = Log files can be written again; 8 lines are missing in them\n/,
  );
  assert.match(
    t.read("loader"),
    /^\S+ LOADER {3}WARNING = 2 lines were lost here: .*\n\S+ LOADER {3}INFO = five\n$/,
  );
  assert.match(t.read("kwd"), /^\S+ LOADER {3}WARNING = 2 lines were lost here: .*\n$/);
  assert.match(
    t.read("combined"),
    /^\S+ LOADER {3}WARNING = 4 lines were lost here: .*\n\S+ LOADER {3}INFO = five\n$/,
  );
});

Deno.test("Log says nothing after its end", async () => {
  const t = setUp();
  t.log.info("MAIN", "last");
  await t.log[Symbol.asyncDispose]();
  t.log.info("MAIN", "too late");
  t.log.relay("LLM").write(bytesOf("too late\n"));
  assert.equal(await t.shown(), "MAIN     INFO = last\n");
  await t[Symbol.asyncDispose]();
});
