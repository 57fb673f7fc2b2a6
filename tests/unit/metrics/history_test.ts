import assert from "node:assert/strict";
import { HISTORY_FILE, openHistory } from "../../../lib/metrics/history.ts";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import { bootRecord } from "../../support/boot_records.ts";
import { withProcesses } from "../../support/with_processes.ts";

function tempFolder(): Disposable & { path: string; file: string } {
  const path = Deno.makeTempDirSync();
  return {
    path,
    file: `${path}/${HISTORY_FILE}`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

const ids = (records: readonly BootRecord[]) => records.map(({ boot }) => boot);

const line = (record: string) => `${record}\n`;

Deno.test("openHistory() gives back the records that were appended", async () => {
  using dir = tempFolder();
  const folder = `${dir.path}/not/there/yet`;
  const history = openHistory(folder);
  assert.deepEqual(history.records, []);
  assert.deepEqual(history.warnings, []);
  const boots = [1, 2, 3].map((n) => bootRecord(n));
  for (const boot of boots) assert.equal(await history.append(boot), null);
  assert.deepEqual(history.records, boots); // also the one that was open all the time
  const again = openHistory(folder);
  assert.deepEqual(again.records, boots);
  assert.deepEqual(again.warnings, []);
});

Deno.test("openHistory() with last reads only the newest boots", async () => {
  using dir = tempFolder();
  for (let n = 0; n < 5; n++) await openHistory(dir.path).append(bootRecord(n));
  const history = openHistory(dir.path, { last: 2 });
  assert.deepEqual(ids(history.records), ["b0000003", "b0000004"]);
  await history.append(bootRecord(5));
  assert.deepEqual(ids(history.records), ["b0000004", "b0000005"]);
  assert.equal(openHistory(dir.path).records.length, 6);
});

Deno.test("append() of the same boot again replaces its record", async () => {
  using dir = tempFolder();
  const history = openHistory(dir.path);
  await history.append(bootRecord(1));
  await history.append(bootRecord(2));
  await history.append({ ...bootRecord(1), outcome: "degraded" });
  const { records } = openHistory(dir.path);
  assert.deepEqual(ids(records), ["b0000002", "b0000001"]);
  assert.equal(records[1]!.outcome, "degraded");
});

Deno.test("append() keeps the last 200 boots, and calls at once do not disturb each other", async () => {
  using dir = tempFolder();
  const small = (n: number): BootRecord => ({ ...bootRecord(n), spans: [], vram: [] });
  Deno.writeTextFileSync(
    dir.file,
    Array.from({ length: 245 }, (_, n) => line(JSON.stringify(small(n)))).join(""),
  );
  const history = openHistory(dir.path);
  assert.equal(history.records.length, 200);
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => history.append(small(245 + i))));
  assert.deepEqual(new Set(results), new Set([null]));
  const { records } = openHistory(dir.path);
  assert.equal(records.length, 200);
  assert.deepEqual(ids(records), ids(Array.from({ length: 200 }, (_, i) => small(55 + i))));
  assert.equal(Deno.readTextFileSync(dir.file).trimEnd().split("\n").length, 200);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), [HISTORY_FILE]);
});

Deno.test("openHistory() skips damaged and unknown records with one warning that counts them", async () => {
  using dir = tempFolder();
  const good = JSON.stringify(bootRecord(1));
  const hostile = [
    '{"format":1}',
    "[]",
    "null",
    "[".repeat(100_000) + "]".repeat(100_000),
    good.replace('"total_boot_ms":14053', '"total_boot_ms":1e999'),
    good.replace('"outcome":"ready"', '"outcome":"splendid"'),
    good.replace('"services":[', '"services":[7,'),
    good.replace('"at":"2026', '"at":"soon'),
    '{"__proto__":{"format":1},"boot":"x"}',
  ];
  const future = ['{"format":2,"anything":true}', '{"format":3}'];
  Deno.writeTextFileSync(
    dir.file,
    [good, ...hostile, ...future, JSON.stringify(bootRecord(2))].map(line).join("") + '{"format":1,"bo',
  );
  const history = openHistory(dir.path);
  assert.deepEqual(ids(history.records), ["b0000001", "b0000002"]);
  assert.deepEqual(history.warnings, [
    `${dir.file}: 12 boot records were skipped (10 damaged, 2 of an unknown format); 2 good ones are used`,
  ]);
  await history.append(bootRecord(3));
  const mended = openHistory(dir.path);
  assert.deepEqual(ids(mended.records), ["b0000001", "b0000002", "b0000003"]);
  assert.deepEqual(mended.warnings, [ // what a newer program wrote is not ours to remove
    `${dir.file}: 2 boot records were skipped (2 of an unknown format); 3 good ones are used`,
  ]);
});

Deno.test("openHistory() takes only what a record may hold, and disarms terminal codes", () => {
  using dir = tempFolder();
  const odd = JSON.stringify({ ...bootRecord(1), extra: 1, config: "a\u001b[2Jb\u202ec" })
    .replace('"format":1', '"format":1,"__proto__":{"polluted":true}');
  Deno.writeTextFileSync(dir.file, line(odd));
  const [record] = openHistory(dir.path).records;
  assert.deepEqual(record, { ...bootRecord(1), config: "a\ufffd[2Jb\ufffdc" });
  assert.equal("polluted" in record, false);
});

Deno.test("openHistory() reads the checksummed lines of 1.0.0, and the next append writes them anew", async () => {
  using dir = tempFolder();
  Deno.writeTextFileSync(dir.file, line(`{"crc32":"00000000","record":${JSON.stringify(bootRecord(1))}}`));
  assert.deepEqual(openHistory(dir.path).records, [bootRecord(1)]);
  await openHistory(dir.path).append(bootRecord(2));
  assert.deepEqual(openHistory(dir.path).records, [bootRecord(1), bootRecord(2)]);
});

Deno.test("openHistory() reads records of a program that knew fewer figures", () => {
  using dir = tempFolder();
  const record = bootRecord(1);
  const { gate_lag_ms: _, ...rest } = record.services[0]!;
  Deno.writeTextFileSync(dir.file, line(JSON.stringify({ ...record, services: [rest] })));
  assert.deepEqual(openHistory(dir.path).records[0]!.services, [{ ...rest, gate_lag_ms: null }]);
});

withProcesses.test("append() answers with a sentence when the history cannot be written, and openHistory() when not read", async () => {
  using dir = tempFolder();
  Deno.mkdirSync(dir.file);
  const history = openHistory(dir.path);
  assert.deepEqual(history.records, []);
  assert.deepEqual(history.warnings, [`${dir.file}: the boot history cannot be read: it is not a file`]);
  const why = await history.append(bootRecord(1));
  assert.ok(why?.startsWith(`${dir.file}: this boot could not be added to the history: `), String(why));
  const huge = { ...bootRecord(1), config: "x".repeat(600_000) };
  Deno.removeSync(dir.file);
  assert.ok((await new Deno.Command("mkfifo", { args: [dir.file] }).output()).success); // opening it would hang
  assert.match(openHistory(dir.path).warnings[0]!, /cannot be read: it is not a file/);
  assert.match(String(await history.append(bootRecord(1))), /could not be added .*it is not a file/);
  Deno.removeSync(dir.file);
  assert.match(String(await history.append(huge)), /bytes, more than the 524288 that a line may have/);
  assert.equal(await history.append(bootRecord(2)), null); // a failed one does not block the next
});

withProcesses.test("append() has the record on disk when it resolves, also when the program is killed at once", async () => {
  using dir = tempFolder();
  const script = new URL("../../support/history_child.ts", import.meta.url).pathname;
  for (let round = 0; round < 3; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-read", "--allow-write", script, dir.path, String(round * 1000)],
      stdout: "piped",
    }).spawn();
    let seen = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      seen += chunk;
      if (seen.split("\n").length > 5) break;
    }
    child.kill("SIGKILL"); // in the middle of a later append
    await child.status;
    const numbers = seen.split("\n").slice(0, -1).map(Number);
    const boots = new Set(ids(openHistory(dir.path).records));
    assert.ok(numbers.length >= 5);
    for (const n of numbers) assert.ok(boots.has(bootRecord(n).boot), `boot ${n} was on disk`);
  }
});
