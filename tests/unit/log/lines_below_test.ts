import assert from "node:assert/strict";
import { LinesBelow } from "../../../lib/log/lines_below.ts";
import { Screen } from "../../support/screen.ts";

const encoder = new TextEncoder();

/** A terminal that takes at most `most` bytes at once. */
function terminal(screen: Screen, most: () => number = () => Infinity) {
  let written = 0;
  return {
    get written() {
      return written;
    },
    name: "a terminal",
    keepsAll: () => false,
    mayPass: () => false,
    async write(bytes: Uint8Array<ArrayBuffer>) {
      const part = bytes.subarray(0, Math.min(most(), bytes.length));
      // A terminal makes both of a line end.
      await screen.write(new TextDecoder().decode(part).replaceAll("\n", "\r\n"));
      written += part.length;
      return part.length;
    },
  };
}

function setUp(o: { rows?: number; columns?: number; most?: () => number } = {}) {
  const size = { rows: 6, columns: 20, ...o };
  const screen = new Screen(size.rows, size.columns);
  const target = terminal(screen, o.most);
  let frame = ["one", "two"];
  const below = new LinesBelow(target, {
    frame: () => frame,
    columns: () => size.columns,
    width: (line) => line.length,
  });
  const log = async (text: string) => {
    for (;;) if (await below.write(encoder.encode(text)) > 0) return;
  };
  return { screen, target, below, size, log, draw: (lines: string[]) => (frame = lines, below.redraw()) };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

Deno.test("LinesBelow keeps its lines below the log, also once that scrolls", async () => {
  const { screen, log, draw, below } = setUp();
  const all = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  for (const [i, line] of all.entries()) {
    await log(line + "\n");
    draw(i % 3 === 0 ? ["a", "b", "c"] : ["a"]);
    await turn();
  }
  assert.deepEqual(screen.lines, [...all, "a"]);
  await below.close();
  assert.deepEqual(screen.lines, all);
  await log("after\n");
  assert.deepEqual(screen.lines, [...all, "after"]);
});

Deno.test("LinesBelow writes nothing when nothing has changed", async () => {
  const { target, below, log } = setUp();
  await log("x\n");
  const { written } = target;
  for (let i = 0; i < 10; i++) below.redraw();
  await turn();
  assert.equal(target.written, written);
});

Deno.test("LinesBelow loses and doubles nothing on a terminal that takes a few bytes now and then", async () => {
  let n = 0;
  const { screen, log, draw } = setUp({ most: () => (n++ % 3) * 4 });
  const all = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  for (const line of all) {
    draw([`at ${line}`]);
    await log(line + "\n");
  }
  assert.deepEqual(screen.lines, [...all, "at line 19"]);
});

Deno.test("LinesBelow takes away what a narrower terminal has wrapped", async () => {
  const { screen, size, log, draw } = setUp({ rows: 10, columns: 40 });
  draw(["123456789 123456789 123456789", "short"]);
  await log("begin\n");
  size.columns = 12;
  screen.resize(10, 12);
  draw(["narrow"]);
  await turn();
  await log("end\n");
  assert.deepEqual(screen.lines, ["begin", "end", "narrow"]);
});

Deno.test("LinesBelow leaves what somebody else drew meanwhile", async () => {
  const { screen, log, below } = setUp({ rows: 10 });
  await log("begin\n");
  await screen.write("\r\n$ fg\r\n"); // a shell, while we were stopped
  below.forget();
  await log("end\n");
  assert.deepEqual(screen.lines, ["begin", "one", "two", "$ fg", "end", "one", "two"]);
});
