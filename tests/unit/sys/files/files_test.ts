import assert from "node:assert/strict";
import {
  kindOf,
  lockFile,
  makePrivateDir,
  readSmallFile,
  removeIfThere,
  writeAtomically,
  writeNew,
} from "../../../../lib/sys/files/files.ts";
import { until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

function inFolder(fn: (dir: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const dir = Deno.makeTempDirSync();
    try {
      await fn(dir);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  };
}
const mode = (path: string) => (Deno.lstatSync(path).mode ?? 0) & 0o777;
const filesUrl = JSON.stringify(new URL("../../../../lib/sys/files/files.ts", import.meta.url).href);

withProcesses.test(
  "writeAtomically() replaces a file in one step: a reader never sees a part",
  inFolder(async (dir) => {
    const path = `${dir}/state`;
    const texts = ["a".repeat(300_000), "b".repeat(5)];
    writeAtomically(path, texts[0]!);
    const code = `import { writeAtomically } from ${filesUrl};
      for (let i = 0; i < 300; i++) writeAtomically(${
      JSON.stringify(path)
    }, i % 2 ? "a".repeat(300000) : "bbbbb");`;
    const writer = new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", code], stdin: "null" })
      .spawn();
    let over = false;
    const ended = writer.status.then((status) => (over = true, status));
    let reads = 0;
    while (!over) {
      const text = Deno.readTextFileSync(path);
      assert.ok(texts.includes(text), `a torn file of ${text.length} characters`);
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.equal((await ended).code, 0);
    assert.ok(reads > 10);
    assert.deepEqual(
      [...Deno.readDirSync(dir)].map(({ name }) => name),
      ["state"],
      "no temporary file is left",
    );
  }),
);

Deno.test(
  "writeAtomically() keeps the old text and leaves no file when it cannot write",
  inFolder((dir) => {
    Deno.mkdirSync(`${dir}/state`);
    Deno.writeTextFileSync(`${dir}/state/full`, "");
    assert.throws(() => writeAtomically(`${dir}/state`, "x"), "a folder is in the way");
    assert.throws(() => writeAtomically(`${dir}/none/state`, "x"));
    assert.deepEqual(
      [...Deno.readDirSync(dir)].map(({ name }) => name),
      ["state"],
      "no temporary file is left",
    );
  }),
);

Deno.test(
  "writeAtomically() is readable by its owner only, unless told otherwise",
  inFolder((dir) => {
    writeAtomically(`${dir}/a`, "x", { durable: true });
    writeAtomically(`${dir}/b`, "x", { mode: 0o644 });
    assert.equal(mode(`${dir}/a`), 0o600);
    assert.equal(mode(`${dir}/b`), 0o644);
  }),
);

withProcesses.test(
  "lockFile() is held by one process at a time, and given back however its holder ends",
  inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const code = `import { lockFile } from ${filesUrl};
      const lock = lockFile(${JSON.stringify(path)}, String(Deno.pid));
      console.log(lock ? "held" : "busy");
      if (lock) setTimeout(() => {}, 60000);`;
    const holder = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", code],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "held\n");
    assert.equal(lockFile(path, "me"), null);
    assert.equal(readSmallFile(path), String(holder.pid), "its note is not disturbed by who was refused");
    holder.kill("SIGKILL");
    await holder.status;
    await reader.cancel();
    // A child that another test starts in this moment holds each descriptor from its fork until its exec.
    const lock = await until(() => lockFile(path, "me"), 1000); // the kernel has taken it back
    assert.equal(readSmallFile(path), "me", "nothing is left of a longer note");
    lock[Symbol.dispose]();
    assert.equal(readSmallFile(path), "");
    using again = await until(() => lockFile(path, "again"), 1000);
    assert.ok(again);
  }),
);

Deno.test(
  "writeNew() never overwrites, and follows no dangling link",
  inFolder((dir) => {
    assert.equal(writeNew(`${dir}/a`, "one"), true);
    assert.equal(writeNew(`${dir}/a`, "two"), false);
    assert.equal(readSmallFile(`${dir}/a`), "one");
    Deno.symlinkSync(`${dir}/elsewhere`, `${dir}/link`);
    assert.equal(writeNew(`${dir}/link`, "x"), false);
    assert.equal(kindOf(`${dir}/elsewhere`), null);
  }),
);

Deno.test(
  "kindOf(), readSmallFile(), removeIfThere() and makePrivateDir() answer for what is there and what is not",
  inFolder((dir) => {
    makePrivateDir(`${dir}/a/b`);
    makePrivateDir(`${dir}/a/b`);
    assert.equal(mode(`${dir}/a/b`), 0o700);
    Deno.writeTextFileSync(`${dir}/file`, "12345");
    Deno.symlinkSync("file", `${dir}/link`);
    using _socket = Deno.listen({ transport: "unix", path: `${dir}/socket` });
    assert.deepEqual(["a", "file", "link", "socket", "none"].map((name) => kindOf(`${dir}/${name}`)), [
      "dir",
      "file",
      "link",
      "socket",
      null,
    ]);
    assert.equal(readSmallFile(`${dir}/file`), "12345");
    assert.equal(readSmallFile(`${dir}/file`, 4), null, "too large");
    assert.equal(readSmallFile(`${dir}/none`), null);
    assert.equal(readSmallFile(dir), null);
    assert.equal(removeIfThere(`${dir}/link`), true);
    assert.equal(removeIfThere(`${dir}/link`), false);
    assert.equal(kindOf(`${dir}/file`), "file", "the link was removed, not its target");
  }),
);
