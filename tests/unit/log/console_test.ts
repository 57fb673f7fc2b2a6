import assert from "node:assert/strict";
import { ConsoleQueue } from "../../../lib/log/console.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const gapLine = (lines: number) => bytesOf(`(${lines} not shown)\n`);

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
  const queue = new ConsoleQueue(terminal.write, gapLine);
  queue.own(bytesOf("a\n"));
  queue.child(bytesOf("b\nc\n"), 2);
  queue.own(bytesOf("d\n"));
  assert.deepEqual(terminal.shown, []);
  assert.equal(await queue.flush(new FakeClock(), 1000), true);
  assert.deepEqual(terminal.shown, ["a\nb\nc\nd\n"]);
});

Deno.test("ConsoleQueue copies what it keeps", async () => {
  const terminal = slowTerminal();
  terminal.go();
  const queue = new ConsoleQueue(terminal.write, gapLine);
  const bytes = bytesOf("a\n");
  queue.own(bytes);
  bytes.fill(66);
  await queue.flush(new FakeClock(), 1000);
  assert.equal(terminal.text(), "a\n");
});

Deno.test("ConsoleQueue of a stalled terminal stays bounded, drops services' lines first and says how many", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const queue = new ConsoleQueue(terminal.write, gapLine, 1000);
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
  assert.equal(await queue.flush(clock, 1000), true);
  assert.match(terminal.text(), /loader 18\nloader 19\n/);
  assert.ok(terminal.text().endsWith(`(${100_000 - children} not shown)\n`), terminal.text().slice(-50));
  queue.child(bytesOf("after\n"), 1);
  await queue.flush(clock, 1000);
  assert.ok(terminal.text().endsWith("not shown)\nafter\n"));
});

Deno.test("ConsoleQueue drops its own lines when even they are too many, and never grows", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const queue = new ConsoleQueue(terminal.write, gapLine, 1000);
  for (let i = 0; i < 1000; i++) queue.own(bytesOf("123456789\n"));
  assert.equal(queue.size, 1000);
  terminal.go();
  await queue.flush(clock, 1000);
  assert.ok(terminal.text().endsWith("(900 not shown)\n"));
  assert.equal(queue.size, 0);
});

Deno.test("flush() gives up after its time, and leaves no timer", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const queue = new ConsoleQueue(terminal.write, gapLine);
  queue.own(bytesOf("a\n"));
  const flushed = queue.flush(clock, 500);
  await clock.advance(499);
  assert.equal(clock.pending, 1);
  await clock.advance(1);
  assert.equal(await flushed, false);
  terminal.go();
  assert.equal(await queue.flush(clock, 500), true);
  assert.equal(clock.pending, 0);
});

Deno.test("ConsoleQueue is silently off once nobody reads", async () => {
  const clock = new FakeClock();
  const terminal = slowTerminal();
  const queue = new ConsoleQueue(terminal.write, gapLine);
  queue.own(bytesOf("a\n"));
  await clock.settle();
  terminal.vanish();
  assert.equal(await queue.flush(clock, 500), true);
  queue.own(bytesOf("b\n"));
  queue.child(bytesOf("c\n"), 1);
  assert.deepEqual([queue.size, queue.open, terminal.text()], [0, false, ""]);
});
