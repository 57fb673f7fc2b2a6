import assert from "node:assert/strict";
import { type BareMachine, bareMachine } from "../support/bare_machine.ts";
import { selfExtractingFile } from "../support/built.ts";

const works = /^alexa-loader \d+\.\d+\.\d+ \(self-extracting/;

async function assertWorks(machine: BareMachine, file: string, told: RegExp = /^$/): Promise<void> {
  const { code, stdout, stderr } = await machine.run(file, "--version");
  assert.equal(code, 0, stderr);
  assert.match(stdout, works);
  assert.match(stderr, told);
}

/** The folder that the file unpacked itself into; asserts that there is nothing else. */
function onlyEntry(machine: BareMachine): string {
  const entries = machine.entries();
  assert.equal(entries.length, 1, entries.join(" "));
  return `${machine.cache}/${entries[0]}`;
}

Deno.test("ten copies of the one file started at once on a fresh home all work, and leave one extraction", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  await Promise.all(Array.from({ length: 10 }, () => assertWorks(machine, file)));
  const entry = onlyEntry(machine);
  assert.deepEqual([...Deno.readDirSync(entry)].filter((it) => it.isDirectory).map((it) => it.name), [
    "deno_dir",
  ]);
  assert.equal(Deno.statSync(entry).mode! & 0o777, 0o700);
});

Deno.test("the one file unpacks once: the next start changes nothing", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  await assertWorks(machine, file);
  const before = Deno.statSync(`${onlyEntry(machine)}/alexa-loader`);
  await assertWorks(machine, file);
  const after = Deno.statSync(`${onlyEntry(machine)}/alexa-loader`);
  assert.deepEqual([after.ino, after.ctime], [before.ino, before.ctime]);
});

Deno.test("a truncated or changed file says that it is damaged, and runs nothing", async (t) => {
  const file = await selfExtractingFile();
  const bytes = await Deno.readFile(file);
  const flipped = bytes.slice();
  flipped[bytes.length - 200_000]! ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ["cut in half", bytes.subarray(0, bytes.length >> 1), /is damaged: .*Fetch it again/],
    ["last byte gone", bytes.subarray(0, -1), /is damaged/],
    ["one bit of the archive flipped", flipped, /is damaged/],
    ["cut in the script", bytes.subarray(0, 3000), /./],
  ];
  for (const [name, content, told] of cases) {
    await t.step(name, async () => {
      using machine = bareMachine();
      const damaged = `${machine.folder}/alexa-loader`;
      Deno.writeFileSync(damaged, content, { mode: 0o700 });
      const { code, stdout, stderr } = await machine.run(damaged, "--version");
      assert.notEqual(code, 0);
      assert.equal(stdout, "");
      assert.match(stderr, told);
      assert.deepEqual(machine.entries(), []);
    });
  }
});

Deno.test("a changed cache entry is unpacked again, never run", async (t) => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  const evil = "#!/bin/sh\necho evil\n";
  const changes: [string, (entry: string) => void][] = [
    ["the program", (entry) => Deno.writeTextFileSync(`${entry}/main.js`, `console.log("evil")`)],
    ["a part of it", (entry) => {
      const part = [...Deno.readDirSync(entry)].find((it) => /^chunk-.*\.js$/.test(it.name))!;
      Deno.writeTextFileSync(`${entry}/${part.name}`, `\nconsole.log("evil")`, { append: true });
    }],
    ["the runtime", (entry) => {
      Deno.removeSync(`${entry}/alexa-loader`);
      Deno.writeTextFileSync(`${entry}/alexa-loader`, evil, { mode: 0o700 });
    }],
    ["one byte of the runtime, its size and times as before", (entry) => {
      const { atime, mtime } = Deno.statSync(`${entry}/alexa-loader`);
      using opened = Deno.openSync(`${entry}/alexa-loader`, { read: true, write: true });
      opened.seekSync(50_000_000, Deno.SeekMode.Start);
      const byte = new Uint8Array(1);
      opened.readSync(byte);
      byte[0]! ^= 1;
      opened.seekSync(50_000_000, Deno.SeekMode.Start);
      opened.writeSync(byte);
      Deno.utimeSync(`${entry}/alexa-loader`, atime!, mtime!);
    }],
    ["the runtime is a link", (entry) => {
      Deno.renameSync(`${entry}/alexa-loader`, `${machine.folder}/runtime`);
      Deno.symlinkSync(`${machine.folder}/runtime`, `${entry}/alexa-loader`);
    }],
    ["a part is missing", (entry) => Deno.removeSync(`${entry}/main.js`)],
    ["the runtime's cache is a link", (entry) => {
      Deno.removeSync(`${entry}/deno_dir`, { recursive: true });
      Deno.mkdirSync(`${machine.folder}/elsewhere`);
      Deno.symlinkSync(`${machine.folder}/elsewhere`, `${entry}/deno_dir`);
    }],
    ["the entry is a link", (entry) => {
      Deno.renameSync(entry, `${machine.folder}/moved`);
      Deno.symlinkSync(`${machine.folder}/moved`, entry);
    }],
  ];
  await assertWorks(machine, file);
  for (const [name, change] of changes) {
    await t.step(name, async () => {
      change(onlyEntry(machine));
      await assertWorks(machine, file, /has been changed: unpacking it again/);
      onlyEntry(machine);
      await assertWorks(machine, file);
    });
  }
  assert.deepEqual([...Deno.readDirSync(`${machine.folder}/elsewhere`)], []);
  assert.ok(Deno.statSync(`${machine.folder}/moved/main.js`).isFile, "what a link pointed to was touched");
});

Deno.test("an entry whose stamp is gone or wrong is checked against the sums, and kept", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  await assertWorks(machine, file);
  const entry = onlyEntry(machine);
  const { ino } = Deno.statSync(`${entry}/alexa-loader`);
  const stamp = Deno.readTextFileSync(`${entry}/stamp`);
  for (
    const change of [
      () => Deno.removeSync(`${entry}/stamp`),
      () => Deno.writeTextFileSync(`${entry}/stamp`, "nonsense\n\n.. 700 0"),
      () => Deno.chmodSync(entry, 0o777),
      () => Deno.utimeSync(`${entry}/main.js`, 1, 1),
    ]
  ) {
    change();
    await assertWorks(machine, file);
    assert.equal(Deno.statSync(`${onlyEntry(machine)}/alexa-loader`).ino, ino);
    assert.equal(Deno.statSync(entry).mode! & 0o777, 0o700);
  }
  assert.notEqual(Deno.readTextFileSync(`${entry}/stamp`), stamp);
});

Deno.test("rubbish in the runtime's own cache changes nothing", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  await assertWorks(machine, file);
  const cache = `${onlyEntry(machine)}/deno_dir`;
  for (const { name, isFile } of Deno.readDirSync(cache)) {
    if (isFile) Deno.writeFileSync(`${cache}/${name}`, crypto.getRandomValues(new Uint8Array(9000)));
  }
  await assertWorks(machine, file);
});

Deno.test("with a home that cannot be written the one file uses a private temporary folder, again and again", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  machine.env.HOME = "/proc"; // nobody can make a folder there, root neither
  await assertWorks(machine, file);
  const folder = `${machine.env.TMPDIR}/alexa-loader-cache-${Deno.uid()}`;
  assert.equal(Deno.statSync(folder).mode! & 0o777, 0o700);
  const entry = [...Deno.readDirSync(folder)][0]!;
  const { ino } = Deno.statSync(`${folder}/${entry.name}/alexa-loader`);
  await assertWorks(machine, file);
  assert.equal(Deno.statSync(`${folder}/${entry.name}/alexa-loader`).ino, ino);
});

Deno.test("planted links and folders of others are never used", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  const trap = `${machine.folder}/trap`;
  Deno.mkdirSync(trap);
  Deno.mkdirSync(`${machine.home}/.cache`);
  Deno.symlinkSync(trap, machine.cache);
  await assertWorks(machine, file, /\.cache\/alexa-loader is a link, or no folder of yours: not used/);
  const temporary = `${machine.env.TMPDIR}/alexa-loader-cache-${Deno.uid()}`;
  assert.ok(Deno.lstatSync(temporary).isDirectory);

  Deno.removeSync(temporary, { recursive: true });
  Deno.symlinkSync(trap, temporary);
  const refused = await machine.run(file, "--version");
  assert.equal(refused.code, 1);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /nowhere to unpack itself to:[^]*set XDG_CACHE_HOME/);

  assert.deepEqual([...Deno.readDirSync(trap)], []);
});

Deno.test({
  name: "a cache folder of somebody else is never used",
  ignore: Deno.uid() !== 0, // only root can make a folder that belongs to somebody else
  async fn() {
    const file = await selfExtractingFile();
    using machine = bareMachine();
    Deno.mkdirSync(`${machine.home}/.cache`);
    Deno.mkdirSync(machine.cache, { mode: 0o777 });
    Deno.chownSync(machine.cache, 12345, 12345);
    await assertWorks(machine, file, /\.cache\/alexa-loader is a link, or no folder of yours: not used/);
    assert.deepEqual(machine.entries(), []);
  },
});

Deno.test("unpacking removes other versions that nobody runs, and nothing else", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  await assertWorks(machine, file);
  const current = onlyEntry(machine);
  const old = (name: string) => {
    Deno.mkdirSync(`${machine.cache}/${name}`, { mode: 0o700 });
    Deno.writeTextFileSync(`${machine.cache}/${name}/stamp`, "");
    Deno.copyFileSync("/bin/sleep", `${machine.cache}/${name}/alexa-loader`);
  };
  old("0123456789abcdef01234567");
  old("running00000000000000000");
  Deno.mkdirSync(`${machine.cache}/not-ours`);
  Deno.mkdirSync(`${machine.cache}/.new.999999999.abcdefgh`); // of an unpacking that was killed
  const running = new Deno.Command(`${machine.cache}/running00000000000000000/alexa-loader`, { args: ["60"] })
    .spawn();
  try {
    Deno.removeSync(current, { recursive: true });
    await assertWorks(machine, file);
  } finally {
    running.kill("SIGKILL");
    await running.status;
  }
  const expected = [current.slice(current.lastIndexOf("/") + 1), "not-ours", "running00000000000000000"];
  assert.deepEqual(machine.entries(), expected.sort());
});

Deno.test("a lock of an unpacking that was killed holds nobody up", async () => {
  const file = await selfExtractingFile();
  using machine = bareMachine();
  Deno.mkdirSync(`${machine.cache}/.lock`, { recursive: true });
  Deno.writeTextFileSync(`${machine.cache}/.lock/pid`, "999999999\n");
  await assertWorks(machine, file);
  onlyEntry(machine);
});
