import assert from "node:assert/strict";
import { kernelMachine, type Machine, type Pressure } from "../../../lib/prewarm/mod.ts";
import { allowanceOf, prewarmFiles, type PrewarmOptions } from "../../../lib/prewarm/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { type CachedFile, openCached } from "../../../lib/sys/files/page_cache.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { canBeCold, makeCold, preparedService, shareCached, TestFolder } from "./support.ts";

const mib = 2 ** 20;
const holesInMemory = (() => {
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: "/dev/shm" }));
    return Deno.build.os === "linux";
  } catch {
    return false;
  }
})();
const calm: Pressure = { avg10: 0, totalMs: 0 };

/** A machine of which the test says how it feels. */
function machineOf(
  o: { available?: number | null; memory?: () => Pressure; io?: () => Pressure } = {},
): Machine {
  return {
    availableBytes: () => o.available === undefined ? 2 ** 40 : o.available,
    pressure: (of) => (of === "memory" ? o.memory : o.io)?.() ?? calm,
  };
}

function options(changes: Partial<PrewarmOptions> = {}): PrewarmOptions {
  const machine = changes.machine ?? machineOf();
  return {
    clock: systemClock,
    signal: new AbortController().signal,
    env: {},
    home: "/nonexistent",
    tokenizers: true,
    models: true,
    machine,
    allowance: allowanceOf(machine),
    ...changes,
  };
}

/** A page cache of the test's: nothing is in it, and what is brought is written down; `on` runs before each answer. */
function fakeCache(on: (path: string, offset: number) => Promise<boolean> | boolean = () => true) {
  const brought: string[] = [];
  let open = 0;
  return {
    brought,
    get open() {
      return open;
    },
    openCached: (path: string): Promise<CachedFile> => {
      open++;
      return Promise.resolve({
        cachedBytes: () => 0,
        async bring(offset) {
          const name = path.slice(path.lastIndexOf("/") + 1);
          if (!await on(name, offset)) return false;
          brought.push(`${name}@${offset / mib}`);
          return true;
        },
        [Symbol.dispose]: () => void open--,
      });
    },
  };
}

Deno.test({
  name: "prewarmFiles() brings cold files into the page cache and says how much of them was there",
  ignore: !canBeCold,
  async fn() {
    using folder = new TestFolder();
    const model = folder.put("model.gguf", 9 * mib + 5000);
    const tokenizer = folder.put("tokenizer.json", 100_000);
    makeCold(model);
    makeCold(tokenizer);
    assert.ok(shareCached(model) < 0.1);
    const service = preparedService({}, [`${folder.dir}/*`]);
    const report = await prewarmFiles(service, options());
    assert.equal(shareCached(model), 1);
    assert.equal(shareCached(tokenizer), 1);
    assert.equal(report.kind, "files");
    assert.equal(report.bytes, 9 * mib + 105_000);
    assert.equal(report.problem, null);
    assert.ok(report.cachedShare! < 0.1);
    const again = await prewarmFiles(service, options());
    assert.equal(again.bytes, report.bytes);
    assert.equal(again.cachedShare, 1);
  },
});

Deno.test({
  name: "openCached() fills a hole that the disk left, and knows what is there",
  ignore: !canBeCold,
  async fn() {
    using folder = new TestFolder();
    const path = folder.put("model.bin", 8 * mib);
    makeCold(path);
    {
      using file = (await openCached(path, 8 * mib))!;
      assert.ok(await file.bring(4 * mib, 4 * mib));
      assert.equal(file.cachedBytes(4 * mib, 4 * mib), 4 * mib);
      assert.equal(file.cachedBytes(5 * mib + 1, 100), 100);
      assert.equal(file.cachedBytes(8 * mib, 4096), 0);
      assert.ok(await file.bring(0, 4 * mib));
    }
    assert.equal(shareCached(path), 1);
    assert.equal(await openCached(`${folder.dir}/none`, 5), null);
  },
});

Deno.test({
  name: "openCached() reads by itself where reading ahead does not help",
  ignore: !holesInMemory,
  async fn() {
    const path = Deno.makeTempFileSync({ dir: "/dev/shm" });
    try {
      Deno.truncateSync(path, 4 * mib); // a hole in a file that lives in memory: never in the page cache
      using file = (await openCached(path, 4 * mib))!;
      assert.equal(file.cachedBytes(0, 4 * mib), 0);
      assert.equal(await file.bring(0, 4 * mib), true);
      Deno.truncateSync(path, mib);
      assert.equal(await file.bring(0, 4 * mib), false, "and says when it cannot");
    } finally {
      Deno.removeSync(path);
    }
  },
});

Deno.test("openCached() notices a file that became shorter, and may be closed while it reads", async () => {
  using folder = new TestFolder();
  const path = folder.put("model.bin", 4 * mib);
  using file = (await openCached(path, 4 * mib))!;
  Deno.truncateSync(path, mib);
  assert.equal(await file.bring(0, 4 * mib), false);
  const other = (await openCached(path, mib))!;
  const reading = other.bring(0, mib);
  other[Symbol.dispose]();
  other[Symbol.dispose]();
  await reading;
  assert.equal(other.cachedBytes(0, mib), null);
});

Deno.test("prewarmFiles() brings tokenizers only, or models only, as it is told", async () => {
  using folder = new TestFolder();
  folder.put("model.gguf", mib);
  folder.put("tokenizer.json", 3);
  const service = preparedService({ argv: ["serve", folder.dir] });
  const brings = async (changes: Partial<PrewarmOptions>) => {
    const cache = fakeCache();
    await prewarmFiles(service, options({ open: cache.openCached, ...changes }));
    assert.equal(cache.open, 0);
    return cache.brought;
  };
  assert.deepEqual(await brings({ models: false }), ["tokenizer.json@0"]);
  assert.deepEqual(await brings({ tokenizers: false }), ["model.gguf@0"]);
  assert.deepEqual(await brings({}), ["tokenizer.json@0", "model.gguf@0"]);
});

Deno.test("prewarmFiles() has nothing to tell when nothing is named, and names a pattern without a file", async () => {
  const nothing = await prewarmFiles(preparedService(), options());
  assert.deepEqual({ ...nothing, ms: 0 }, {
    kind: "none",
    ms: 0,
    bytes: null,
    cachedShare: null,
    problem: null,
  });
  const missing = await prewarmFiles(preparedService({}, ["/nonexistent/*.gguf"]), options());
  assert.equal(missing.kind, "files");
  assert.equal(missing.bytes, null);
  assert.equal(missing.problem, "no file matches /nonexistent/*.gguf");
});

Deno.test("prewarmFiles() goes on behind a file that cannot be read", async () => {
  using folder = new TestFolder();
  folder.put("a.gguf", 3 * mib);
  folder.put("b.gguf", 2 * mib);
  folder.put("c.gguf", mib);
  const service = preparedService({ argv: ["serve", folder.dir] });
  const cache = fakeCache((name) => name !== "b.gguf");
  const open = (path: string) => path.endsWith("a.gguf") ? Promise.resolve(null) : cache.openCached(path);
  const report = await prewarmFiles(service, options({ open }));
  assert.deepEqual(cache.brought, ["c.gguf@0"]);
  assert.equal(report.problem, `cannot read ${folder.dir}/a.gguf and 1 more`);
  assert.equal(report.bytes, mib);
  assert.equal(cache.open, 0);
});

Deno.test({
  name: "prewarmFiles() cannot be held by a file without the right to read it",
  ignore: Deno.build.os !== "linux" || Deno.uid() === 0, // root may read everything
  async fn() {
    using folder = new TestFolder();
    const path = folder.put("secret.gguf", mib);
    Deno.chmodSync(path, 0);
    const report = await prewarmFiles(preparedService({ argv: ["serve", path] }), options());
    assert.equal(report.problem, `cannot read ${path}`);
  },
});

Deno.test("prewarmFiles() takes at most half of the available memory, over all services together", async () => {
  using folder = new TestFolder();
  folder.put("one/model.gguf", 20 * mib);
  folder.put("two/model.gguf", 4 * mib);
  const machine = machineOf({ available: 32 * mib });
  const cache = fakeCache();
  const shared = options({ machine, allowance: allowanceOf(machine), open: cache.openCached });
  const one = await prewarmFiles(preparedService({ argv: ["serve", `${folder.dir}/one`] }), shared);
  assert.equal(one.bytes, 16 * mib);
  assert.equal(one.problem, "16 MiB of 20 MiB: more would take over half of the available memory");
  const two = await prewarmFiles(preparedService({ argv: ["serve", `${folder.dir}/two`] }), shared);
  assert.equal(two.bytes, 0);
  assert.match(two.problem!, /^0 MiB of 4 MiB: more would take/);
  assert.equal(allowanceOf(machineOf({ available: null })).bytes, Infinity);
});

Deno.test("prewarmFiles() ends at once with its signal, says what was done, and lets a hanging disk be", async () => {
  using folder = new TestFolder();
  folder.put("model.gguf", 20 * mib);
  const end = new AbortController();
  const hangs = Promise.withResolvers<boolean>();
  const reached = Promise.withResolvers<void>();
  const cache = fakeCache((_, offset) => {
    if (offset < 8 * mib) return true;
    reached.resolve();
    return hangs.promise;
  });
  const running = prewarmFiles(
    preparedService({ argv: ["serve", folder.dir] }),
    options({ open: cache.openCached, signal: end.signal }),
  );
  await reached.promise;
  end.abort(new DOMException("the service is ready", "AbortError"));
  const report = await running;
  assert.equal(report.bytes, 8 * mib);
  assert.equal(report.problem, "ended at 8 MiB of 20 MiB: the service is ready");
  hangs.resolve(true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(cache.open, 0, "the file is closed when the disk has answered");
  assert.deepEqual(cache.brought, ["model.gguf@0", "model.gguf@4", "model.gguf@8"]);

  const before = await prewarmFiles(
    preparedService({ argv: ["serve", folder.dir] }),
    options({ signal: end.signal }),
  );
  assert.equal(before.kind, "none");
});

Deno.test("prewarmFiles() stops for good when memory is short, also when it becomes so", async () => {
  using folder = new TestFolder();
  folder.put("model.gguf", 40 * mib);
  const service = preparedService({ argv: ["serve", folder.dir] });
  const short = await prewarmFiles(
    service,
    options({
      machine: machineOf({ memory: () => ({ avg10: 12, totalMs: 0 }) }),
      open: fakeCache().openCached,
    }),
  );
  assert.equal(short.problem, "stopped: memory is short after 0 MiB of 40 MiB");

  const clock = new FakeClock();
  let totalMs = 0;
  const cache = fakeCache(async (_, offset) => {
    await clock.sleep(130);
    if (offset >= 4 * mib) totalMs += 50;
    return true;
  });
  const running = prewarmFiles(
    service,
    options({ clock, machine: machineOf({ memory: () => ({ avg10: 0, totalMs }) }), open: cache.openCached }),
  );
  const report = await advanceUntil(clock, running);
  assert.match(report.problem!, /^stopped: memory is short after 8 MiB/);
  assert.equal(clock.pending, 0);
});

Deno.test("prewarmFiles() waits while others wait for the disk, and not for its own reading", async () => {
  using folder = new TestFolder();
  folder.put("model.gguf", 40 * mib);
  const clock = new FakeClock();
  let reading = false;
  let othersUntil = 0;
  // The kernel's sum goes up while we read, and while others do.
  let totalMs = 0;
  let last = 0;
  const count = () => {
    if (reading || last < othersUntil) totalMs += clock.now() - last;
    last = clock.now();
  };
  const io = () => (count(), { avg10: 0, totalMs });
  const cache = fakeCache(async () => {
    count();
    reading = true;
    await clock.sleep(100);
    count();
    reading = false;
    return true;
  });
  const run = (signal = new AbortController().signal) =>
    prewarmFiles(
      preparedService({ argv: ["serve", folder.dir] }),
      options({ clock, machine: machineOf({ io }), open: cache.openCached, signal }),
    );
  const alone = await advanceUntil(clock, run());
  assert.equal(alone.problem, null);
  assert.equal(alone.bytes, 40 * mib);
  assert.ok(alone.ms < 10 * 100 + 5 * 40, `${alone.ms} ms: it is quiet now and then, and no more`);

  const from = clock.now();
  othersUntil = from + 2000;
  const beside = await advanceUntil(clock, run());
  assert.equal(beside.problem, null, "all was brought in the end");
  assert.ok(clock.now() - from > 2000 + 500);

  othersUntil = Infinity;
  const end = new AbortController();
  const hindered = run(end.signal);
  const done = cache.brought.length + 3; // what is read before it listens for the first time
  for (let i = 0; i < 5000 && cache.brought.length < done; i++) await clock.advance(10);
  await clock.advance(5000);
  assert.equal(cache.brought.length, done, "it does not read at all meanwhile");
  end.abort(new DOMException("the service is ready", "AbortError"));
  assert.match(
    (await hindered).problem!,
    /^ended at 12 MiB of 40 MiB: the service is ready; held back for \d+ ms: others needed the disk$/,
  );
  assert.equal(clock.pending, 0);
});

Deno.test("kernelMachine() reads what the kernel tells, control groups too", () => {
  const files: Record<string, string> = {
    "/proc/meminfo": "MemTotal:       1000 kB\nMemAvailable:    800 kB\n",
    "/proc/pressure/io":
      "some avg10=1.50 avg60=0.16 avg300=0.81 total=20610174\nfull avg10=0.06 avg60=0.10 avg300=0.35 total=5\n",
    "/proc/self/cgroup": "0::/user.slice/a.service\n",
    "/sys/fs/cgroup/user.slice/memory.max": "max\n",
    "/sys/fs/cgroup/user.slice/a.service/memory.max": "500000\n",
    "/sys/fs/cgroup/user.slice/a.service/memory.current": "300000\n",
    "/sys/fs/cgroup/user.slice/a.service/memory.stat": "anon 5\ninactive_file 100000\n",
  };
  const machine = kernelMachine((path) => files[path] ?? null);
  assert.equal(machine.availableBytes(), 300_000);
  assert.deepEqual(machine.pressure("io"), { avg10: 1.5, totalMs: 20610.174 });
  assert.equal(machine.pressure("memory"), null);
  delete files["/proc/self/cgroup"];
  assert.equal(machine.availableBytes(), 800 * 1024);
  const unknown = kernelMachine(() => null);
  assert.equal(unknown.availableBytes(), null);
  if (Deno.build.os === "linux") assert.ok(kernelMachine().availableBytes()! > mib);
});

/** Moves the clock until the work is done. */
async function advanceUntil<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => done = true);
  for (let i = 0; i < 5000 && !done; i++) {
    await clock.advance(10);
    await new Promise((resolve) => setTimeout(resolve, 1)); // the disk has a time of its own
  }
  assert.ok(done, "it ends");
  return await ended;
}
