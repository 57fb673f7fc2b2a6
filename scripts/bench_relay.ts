/**
 * How fast a flooding service's output gets into its log file: 1,000,000 lines of 100 bytes from a real child process,
 * once as raw chunks into a file (the floor of the same run), then through the log.
 *
 *     deno run -A scripts/bench_relay.ts [--lines N] [--runs N] [--json FILE]
 */
import { parseArgs } from "node:util";
import { Log } from "../lib/log/mod.ts";

const flooder = String.raw`
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  long lines = atol(argv[1]), have = 0;
  static char buf[65600], line[128];
  memset(line, 'x', sizeof line);
  for (long i = 0; i < lines; i++) {
    line[snprintf(line, sizeof line, "L%09ld flood ", i)] = 'x';
    memcpy(buf + have, line, 99);
    buf[have + 99] = '\n';
    have += 100;
    if (have < 65500 && i + 1 < lines) continue;
    for (long off = 0; off < have;) {
      ssize_t n = write(1, buf + off, have - off);
      if (n <= 0) return 1;
      off += n;
    }
    have = 0;
  }
  return 0;
}`;

const denoFlooder = `
const lines = +Deno.args[0], perWrite = 655, line = (i) => ("L" + String(i).padStart(9, "0") + " flood ").padEnd(99, "x") + "\\n";
for (let i = 0; i < lines; i += perWrite) {
  let text = "";
  for (let k = i; k < Math.min(lines, i + perWrite); k++) text += line(k);
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}`;

/** A program that floods, as argv; compiled if there is a C compiler, since the other takes longer than the relay. */
async function makeFlooder(dir: string): Promise<string[]> {
  Deno.writeTextFileSync(`${dir}/flood.c`, flooder);
  try {
    const cc = await new Deno.Command("cc", { args: ["-O2", "-o", `${dir}/flood`, `${dir}/flood.c`] })
      .output();
    if (cc.success) return [`${dir}/flood`];
  } catch { /* no compiler here */ }
  Deno.writeTextFileSync(`${dir}/flood.js`, denoFlooder);
  return [Deno.execPath(), "run", "--no-config", `${dir}/flood.js`];
}

/** Reads a child's output as the loader does: big chunks into one buffer that is used again and again. */
async function flood(argv: string[], sink: (chunk: Uint8Array) => void): Promise<void> {
  const child = new Deno.Command(argv[0], { args: argv.slice(1), stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(256 * 1024);
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) break;
    sink(value);
    buffer = value.buffer;
  }
  await child.status;
}

type Mode = "raw" | "tag file" | "tag file + combined" | "tag file + console" | "tag file + listener";

async function once(mode: Mode, argv: string[], dir: string): Promise<number> {
  const begin = performance.now();
  if (mode === "raw") {
    using file = Deno.openSync(`${dir}/raw.log`, { write: true, create: true, truncate: true });
    await flood(argv, (chunk) => {
      for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
    });
    return performance.now() - begin;
  }
  await using log = new Log({
    dir,
    rotateBytes: 1e12,
    combined: mode === "tag file + combined",
    console: mode === "tag file + console" ? () => Promise.resolve() : null,
  });
  const relay = log.relay("FLOOD");
  let heard = 0;
  if (mode === "tag file + listener") relay.onLine(() => heard++);
  await flood(argv, (chunk) => relay.write(chunk));
  relay.end();
  return performance.now() - begin;
}

/** Every line is there, once, in order, with its prefix. */
async function verify(path: string, lines: number): Promise<void> {
  let next = 0;
  let rest = "";
  using file = Deno.openSync(path, { read: true });
  for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      if (line.slice(24, 55) !== ` FLOOD    INFO = L${String(next).padStart(9, "0")} flo`.slice(0, 31)) {
        throw new Error(`line ${next} is wrong: ${line}`);
      }
      next++;
    }
  }
  if (next !== lines || rest !== "") throw new Error(`${next} of ${lines} lines are in the file`);
}

const median = (figures: number[]) => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)];

const { values } = parseArgs({
  args: Deno.args,
  options: {
    lines: { type: "string", default: "1000000" },
    runs: { type: "string", default: "5" },
    json: { type: "string" },
  },
});
const lines = Number(values.lines);
const modes: Mode[] = ["raw", "tag file", "tag file + combined", "tag file + console", "tag file + listener"];
const figures = new Map<Mode, number[]>(modes.map((mode) => [mode, []]));
const ramDisk = "/dev/shm"; // so that the disk is not what is measured
const dir = Deno.makeTempDirSync({
  prefix: "bench_relay_",
  dir: await Deno.stat(ramDisk).then((stat) => stat.isDirectory, () => false) ? ramDisk : undefined,
});
try {
  const argv = [...await makeFlooder(dir), String(lines)];
  for (let run = 0; run < Number(values.runs); run++) {
    for (const mode of modes) {
      figures.get(mode)!.push(await once(mode, argv, dir));
      if (mode === "tag file" && run === 0) await verify(`${dir}/flood.log`, lines);
      for (const name of ["raw", "flood", "combined"]) {
        await Deno.remove(`${dir}/${name}.log`).catch(() => {});
      }
    }
  }
} finally {
  Deno.removeSync(dir, { recursive: true });
}
const floor = median(figures.get("raw")!);
const rows = modes.map((mode) => {
  const ms = median(figures.get(mode)!);
  return {
    mode,
    median_ms: Math.round(ms),
    ratio_to_raw: +(ms / floor).toFixed(2),
    runs: figures.get(mode)!.map(Math.round),
  };
});
console.log(`${lines} lines of 100 bytes from one child, medians of ${values.runs} runs`);
for (const row of rows) {
  console.log(
    `${row.mode.padEnd(22)}${String(row.median_ms).padStart(6)} ms   ${row.ratio_to_raw.toFixed(2)} x raw`,
  );
}
const json = JSON.stringify({ bench: "relay", lines, rows });
console.log(json);
if (values.json) Deno.writeTextFileSync(values.json, json + "\n");
