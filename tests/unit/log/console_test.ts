import assert from "node:assert/strict";
import { ConsoleQueue, type ConsoleTarget } from "../../../lib/log/console.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const full = new Error("disk full");

/** A queue before a terminal, or before what else it is made to be. */
function queueOf(
  write: ConsoleTarget["write"],
  o: { clock?: FakeClock; limit?: number; keepsAll?: boolean } = {},
) {
  const news: string[] = [];
  const queue = new ConsoleQueue(
    { name: "the target", write, keepsAll: () => o.keepsAll ?? false, mayPass: (error) => error === full },
    {
      clock: o.clock ?? new FakeClock(),
      gapLine: (lines, reason) => bytesOf(`(${lines} not shown${reason === null ? "" : `: ${reason}`})\n`),
      onNews: (_level, message) => void news.push(message),
      ...(o.limit === undefined ? {} : { limit: o.limit }),
    },
  );
  return { queue, news };
}

/** A terminal that takes a write only when told to. */
function slowTerminal() {
  const shown: string[] = [];
  let gate = Promise.withResolvers<void>();
  let open = false;
  return {
    shown,
    text: () => shown.join(""),
    write: async (bytes: Uint8Array) => {
      if (!open) await gate.promise;
      shown.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
    go() {
      open = true;
      gate.resolve();
    },
    stall() {
      open = false;
      gate = Promise.withResolvers();
    },
    /** Somebody closes the window. */
    vanish: () => gate.reject(new Error("Broken pipe")),
  };
}

Deno.test("ConsoleQueue writes all lines of one turn at once, in order", async () => {
  const terminal = slowTerminal();
  terminal.go();
  const { queue } = queueOf(terminal.write);
  queue.own(bytesOf("a\n"));
  queue.child(bytesOf("b\nc\n"), 2);
  queue.own(bytesOf("d\n"));
  assert.deepEqual(terminal.shown, []);
  assert.equal(await queue.flush(1000), true);
  assert.deepEqual(terminal.shown, ["a\nb\nc\nd\n"]);
});

Deno.test("ConsoleQueue copies what it keeps", async () => {
  const terminal = slowTerminal();
  terminal.go();
  const { queue } = queueOf(terminal.write);
  const bytes = bytesOf("a\n");
  queue.own(bytes);
  bytes.fill(66);
  await queue.flush(1000);
  assert.equal(terminal.text(), "a\n");
});

Deno.test("ConsoleQueue of a stalled terminal stays bounded, drops services' lines first and says how many", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const { queue } = queueOf(terminal.write, { clock, limit: 1000 });
  const line = bytesOf("x".repeat(9) + "\n");
  for (let i = 0; i < 100_000; i++) queue.child(line, 1);
  const children = queue.size / 10;
  assert.ok(children >= 75 && children <= 76, `${children}`);
  for (let i = 0; i < 20; i++) queue.own(bytesOf(`loader ${i}\n`));
  assert.ok(queue.size <= 1000);
  assert.equal(queue.open, false);
  await clock.settle();
  assert.equal(terminal.text(), "");
  terminal.go();
  assert.equal(await queue.flush(1000), true);
  assert.match(terminal.text(), /loader 18\nloader 19\n/);
  assert.ok(terminal.text().endsWith(`(${100_000 - children} not shown)\n`), terminal.text().slice(-50));
  queue.child(bytesOf("after\n"), 1);
  await queue.flush(1000);
  assert.ok(terminal.text().endsWith("not shown)\nafter\n"));
});

Deno.test("ConsoleQueue drops its own lines when even they are too many, and never grows", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const { queue } = queueOf(terminal.write, { clock, limit: 1000 });
  for (let i = 0; i < 1000; i++) queue.own(bytesOf("123456789\n"));
  assert.equal(queue.size, 1000);
  terminal.go();
  await queue.flush(1000);
  assert.ok(terminal.text().endsWith("(900 not shown)\n"));
  assert.equal(queue.size, 0);
});

Deno.test("flush() gives up after its time, and leaves no timer", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const { queue } = queueOf(terminal.write, { clock });
  queue.own(bytesOf("a\n"));
  const flushed = queue.flush(500);
  await clock.advance(499);
  assert.equal(clock.pending, 1);
  await clock.advance(1);
  assert.equal(await flushed, false);
  terminal.go();
  assert.equal(await queue.flush(500), true);
  assert.equal(clock.pending, 0);
});

Deno.test("ConsoleQueue is silently off once nobody reads", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const { queue } = queueOf(terminal.write, { clock });
  queue.own(bytesOf("a\n"));
  await clock.settle();
  terminal.vanish();
  assert.equal(await queue.flush(500), true);
  queue.own(bytesOf("b\n"));
  queue.child(bytesOf("c\n"), 1);
  assert.deepEqual([queue.size, queue.open, terminal.text()], [0, false, ""]);
});

Deno.test("Q2: a target that keeps all loses nothing: who brings lines waits until it has caught up", async () => {
  const clock = new FakeClock();
  const file = slowTerminal();
  const { queue } = queueOf(file.write, { clock, keepsAll: true });
  const block = bytesOf("x".repeat(99_999) + "\n");
  let brought = 0;
  for (; brought < 100 && !queue.held; brought++) queue.child(block, 1);
  assert.equal(brought, 11); // as soon as it is 1 MiB behind
  for (; brought < 40; brought++) queue.child(block, 1); // the other services' chunks of this moment
  const held = queue.held;
  file.go();
  await held;
  assert.ok(queue.size < 1 << 20);
  assert.equal(await queue.flush(), true);
  assert.equal(file.text(), "x".repeat(99_999).concat("\n").repeat(brought));
  assert.deepEqual([queue.held, clock.pending], [null, 0]);
});

Deno.test("Q2: what takes nothing for 3 s is no longer waited for, until it takes something again", async () => {
  const clock = new FakeClock();
  const file = slowTerminal();
  const { queue } = queueOf(file.write, { clock, keepsAll: true });
  const block = bytesOf("x".repeat(99_999) + "\n");
  for (let i = 0; i < 11; i++) queue.child(block, 1);
  let waited = false;
  queue.held!.then(() => waited = true);
  for (let i = 0; i < 29; i++) queue.child(block, 1); // the other services' chunks of this moment
  await clock.advance(2999);
  assert.equal(waited, false);
  await clock.advance(1);
  assert.deepEqual([waited, queue.held, queue.open], [true, null, false]);
  queue.child(block, 1);
  file.go();
  await queue.flush();
  assert.match(file.text(), /\n\(1 not shown\)\n$/);
  file.stall();
  for (let i = 0; i < 12; i++) queue.child(block, 1);
  assert.ok(queue.held); // waited for again
  queue.close();
  assert.equal(clock.pending, 0);
});

Deno.test("R21: a target that takes nothing for the moment is asked again, and gets each byte once", async () => {
  const clock = new FakeClock();
  let shown = "";
  let asked = 0;
  const { queue } = queueOf(async (bytes) => {
    if (++asked % 3 !== 0) return 0;
    shown += new TextDecoder().decode(bytes.subarray(0, 4));
    return Math.min(4, bytes.length);
  }, { clock });
  queue.own(bytesOf("first\nsecond\n"));
  await clock.advance(1000);
  assert.equal(shown, "first\nsecond\n");
  assert.deepEqual([queue.size, clock.pending], [0, 0]);
});

Deno.test("R16: a full disk is tried again; what is missing is told on the console and once in the files", async () => {
  const clock = new FakeClock();
  let room = false;
  let shown = "";
  const { queue, news } = queueOf(async (bytes) => {
    if (!room) throw full;
    shown += new TextDecoder().decode(bytes);
    return bytes.length;
  }, { clock, limit: 100, keepsAll: true });
  for (let i = 0; i < 100; i++) queue.child(bytesOf("123456789\n"), 1);
  await clock.advance(5000);
  assert.deepEqual(news, [
    "Cannot write to the target: disk full; lines are only in the log files until this works again",
  ]);
  room = true;
  await clock.advance(1000);
  assert.equal(shown, "123456789\n".repeat(8) + "(92 not shown: disk full)\n");
  assert.deepEqual(news.slice(1), ["Can write to the target again; 92 lines are missing there"]);
  assert.equal(clock.pending, 0);
});

Deno.test("a console that is closed says how many lines it did not take", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const { queue, news } = queueOf(terminal.write, { clock });
  queue.own(bytesOf("a\n"));
  await clock.settle(); // it is being written
  queue.own(bytesOf("b\nc\n"));
  queue.close();
  assert.deepEqual(news, ["3 lines were not written to the target: it did not take them in time"]);
});
