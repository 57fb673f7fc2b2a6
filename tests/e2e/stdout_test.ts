/** What becomes of the lines on standard output, whatever it is: a file, the journal, a pipe, a full disk. Spec: §7. */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome, until } from "../support/loader_process.ts";
import { mayMount, smallDisk } from "../support/small_disk.ts";
import { withoutPython } from "../unit/demo/python.ts";

const peer = new URL("../support/peers/stdout_peer.py", import.meta.url).pathname;

/** Prints lines as fast as it can, then that it is ready. */
function flood(home: TestHome, lines: number): string {
  const service = `
import sys, time
for first in range(0, ${lines}, 1000):
    sys.stdout.write("".join(f"L{n:09d} {'x' * 88}\\n" for n in range(first, first + 1000)))
print("flooded", flush=True)
time.sleep(90)
`;
  const config = {
    loader: {
      startup_sequence: ["flood"],
      shutdown_sequence: ["flood"],
      timeouts: { flood_ready_sec: 60 },
      log: { combined: false, rotate_mb: 1000 },
    },
    services: {
      flood: {
        cmd: ["python3", "-c", service],
        readiness: { type: "log", pattern: "^flooded$" },
        warmup: { kind: "none" },
      },
    },
  };
  return home.write("loader.yaml", JSON.stringify(config));
}

const textOf = (path: string) => {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
};

/** Its last 2000 bytes: the whole grows to 100 MB. */
function tailOf(path: string): string {
  try {
    using file = Deno.openSync(path);
    file.seekSync(Math.max(0, file.statSync().size - 2000), Deno.SeekMode.Start);
    const bytes = new Uint8Array(2000);
    return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
  } catch {
    return "";
  }
}

/** The first number that is missing among the lines of the flood. */
function firstMissing(text: string): number {
  let next = 0;
  for (const [, number] of text.matchAll(/^FLOOD {4}INFO = L(\d{9}) x{88}$/gm)) {
    if (Number(number) !== next) break;
    next++;
  }
  return next;
}

/** Waits while the program runs; for longer than others wait, since a flood is much work. */
async function seen(what: string, loader: LoaderProcess, look: () => boolean): Promise<void> {
  await until(
    what,
    () => {
      if (!look() && loader.ended) throw new Error(`it ended before ${what}\n${loader.log}`);
      return look();
    },
    undefined,
    90_000,
  );
}

/** How many lines of the flood there are; each once and in order. */
function shownOf(text: string): number {
  const numbers = [...text.matchAll(/^FLOOD {4}INFO = L(\d{9}) x{88}$/gm)].map((found) => Number(found[1]));
  assert.ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), "lines out of order");
  return numbers.length;
}

const hidden = (text: string) =>
  [...text.matchAll(/^LOADER {3}WARNING = (\d+) lines were not shown/gm)].reduce(
    (sum, m) => sum + Number(m[1]),
    0,
  );

/** Runs the program with its standard output as `wrapper` makes it; its own output is nothing then. */
function wrapped(home: TestHome, config: string, ...wrapper: string[]): LoaderProcess {
  return new LoaderProcess(home, ["up", "--config", config], { wrapper });
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: withoutPython, fn });
}

test("Q2: standard output that is a file loses no line of a service that floods", async () => {
  await using home = new TestHome();
  const out = `${home.dir}/out`;
  await using loader = wrapped(home, flood(home, 1_000_000), "sh", "-c", `exec "$@" >'${out}'`, "sh");
  await seen("the end of the boot", loader, () => tailOf(out).includes("SYSTEM_READY:"));
  assert.equal(await loader.interrupt(), 0);
  const text = textOf(out);
  assert.deepEqual([firstMissing(text), hidden(text)], [1_000_000, 0]);
  assert.match(text, /LOADER {3}INFO = Shutdown complete\n$/);
});

test("Q2: the journal loses no line, though it reads slowly", async () => {
  await using home = new TestHome();
  const out = `${home.dir}/out`;
  await using loader = wrapped(home, flood(home, 300_000), "python3", peer, "journal", out);
  await seen("the end of the boot", loader, () => tailOf(out).includes("SYSTEM_READY:"));
  assert.equal(await loader.interrupt(), 0);
  await until("the reader's end", () => exists(`${out}.end`));
  const text = textOf(out);
  assert.deepEqual([firstMissing(text), hidden(text)], [300_000, 0]);
  assert.match(text, /LOADER {3}INFO = Shutdown complete\n$/);
  assert.equal(textOf(`${out}.end`), "0", "lines without a level");
});

test("R21: a non-blocking pipe that was full gets the rest when it is read, and the number of what it did not get", async () => {
  await using home = new TestHome();
  const out = `${home.dir}/out`;
  await using loader = wrapped(home, flood(home, 100_000), "python3", peer, "pipe", out);
  await seen(
    "the flood's end in the files",
    loader,
    () => tailOf(`${home.logs()}/flood.log`).includes("= flooded\n"),
  );
  Deno.writeTextFileSync(`${out}.go`, "");
  await seen("the boot's end on the pipe", loader, () => /SYSTEM_READY:/.test(textOf(out)));
  assert.equal(await loader.interrupt(), 0);
  await until("the reader's end", () => exists(`${out}.end`));
  const text = textOf(out);
  assert.equal(shownOf(text) + hidden(text), 100_001 - (/= flooded$/m.test(text) ? 1 : 0));
  assert.match(text, /LOADER {3}INFO = Shutdown complete\n$/);
});

Deno.test({
  name:
    "R16: a full disk below standard output is tried again, and one line in the files says what is missing",
  ignore: withoutPython || !mayMount,
  async fn() {
    await using home = new TestHome();
    using disk = smallDisk();
    const out = `${disk.path}/out`;
    await using loader = wrapped(home, flood(home, 100_000), "sh", "-c", `exec "$@" >>'${out}'`, "sh");
    const files = () => textOf(`${home.logs()}/loader.log`);
    await seen(
      "the trouble in the files",
      loader,
      () => /WARNING = Cannot write to standard output: no space/.test(files()),
    );
    await seen("the boot's end", loader, () => /SYSTEM_READY:/.test(files()));
    Deno.truncateSync(out);
    disk.grow();
    await seen(
      "the news in the files",
      loader,
      () => /Can write to standard output again; \d+ lines are missing/.test(files()),
    );
    assert.equal(await loader.interrupt(), 0);
    const text = textOf(out);
    const missing = Number(/again; (\d+) lines are missing there/.exec(files())![1]);
    assert.equal(hidden(text), missing);
    assert.ok(shownOf(text) > 0);
    assert.match(text, /lines were not shown: no space left on the disk/);
    assert.match(text, /LOADER {3}INFO = Shutdown complete\n$/);
  },
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
