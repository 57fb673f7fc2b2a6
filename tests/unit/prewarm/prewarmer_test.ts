import assert from "node:assert/strict";
import { Prewarmer } from "../../../lib/prewarm/mod.ts";
import type { PrepareReport } from "../../../lib/model/reports.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { preparedService, TestFolder } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

interface Told {
  name: string;
  report: PrepareReport;
}

function prewarmer(o: { files?: boolean; signal?: AbortSignal } = {}) {
  const told: Told[] = [];
  const waiting: (() => void)[] = [];
  const made = new Prewarmer({
    clock: systemClock,
    files: o.files ?? true,
    tokenizers: o.files ?? true,
    env: { HOME: "/nonexistent" },
    signal: o.signal ?? new AbortController().signal,
    emit: (fact) => {
      assert.ok(fact.fact === "prepared");
      told.push({ name: fact.service, report: fact.report });
      for (const resolve of waiting.splice(0)) resolve();
    },
  });
  const reports = async (n: number) => {
    while (told.length < n) await new Promise<void>((resolve) => waiting.push(resolve));
    return told;
  };
  return { made, told, reports };
}

const supervisor = (name: string, folder: TestFolder, files = true) => ({
  name,
  plan: preparedService({
    name,
    argv: ["serve", `${folder.dir}/${name}`],
    prepare: { files, standby: false, globs: [], tokenizers: true },
  }),
});

Deno.test("Prewarmer brings the files of one service after the other, once each", async () => {
  using folder = new TestFolder();
  for (const name of ["stt", "llm", "tts"]) folder.put(`${name}/model.gguf`, 1000);
  const { made, reports, told } = prewarmer();
  await using _ = made;
  const [stt, llm, tts] = ["stt", "llm", "tts"].map((name) => supervisor(name, folder, name !== "tts"));
  for (const one of [stt, tts, llm, stt]) made.start(one!);
  assert.deepEqual((await reports(2)).map(({ name, report }) => [name, report.bytes]), [
    ["stt", 1000],
    ["llm", 1000],
  ]);
  await made[Symbol.asyncDispose]();
  assert.equal(told.length, 2);
});

Deno.test("Prewarmer leaves out a service that is ready before its files had their turn", async () => {
  using folder = new TestFolder();
  folder.put("stt/model.gguf", 1000);
  folder.put("llm/model.gguf", 1000);
  const { made, reports } = prewarmer();
  await using _ = made;
  const [stt, llm] = [supervisor("stt", folder), supervisor("llm", folder)];
  made.stop(llm.name, "nothing of it was begun");
  made.start(stt);
  made.start(llm);
  made.stop(stt.name, "the service is ready");
  assert.deepEqual((await reports(1)).map(({ name }) => name), ["llm"]);
});

Deno.test("Prewarmer says nothing and leaves nothing when the loader stops, and starts nothing after that", async () => {
  using folder = new TestFolder();
  folder.put("stt/model.gguf", 64 << 20);
  const stopping = new AbortController();
  const { made, told } = prewarmer({ signal: stopping.signal });
  made.start(supervisor("stt", folder));
  stopping.abort();
  made.start(supervisor("llm", folder));
  await made[Symbol.asyncDispose]();
  assert.deepEqual(told, []);
});

withProcesses.test("W07: a prewarm that cannot even be loaded is told of, and the next one has its turn", async () => {
  using folder = new TestFolder();
  const url = (path: string) => new URL(`../../../${path}`, import.meta.url).href;
  const map = folder.put(
    "without.json",
    JSON.stringify({ imports: { [url("lib/prewarm/files.ts")]: "file:///nonexistent/files.ts" } }),
  );
  const code = folder.put(
    "boot.ts",
    `import { Prewarmer } from "${url("lib/prewarm/prewarmer.ts")}";
    import { systemClock } from "${url("lib/sys/clock.ts")}";
    const told = [];
    const made = new Prewarmer({
      clock: systemClock, files: true, tokenizers: true, env: {}, signal: new AbortController().signal,
      emit: ({ service, report: { kind, problem } }) => told.push([service, kind, problem]),
    });
    for (const name of ["stt", "llm"]) made.start({ name, plan: { prepare: { files: true } } });
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await made[Symbol.asyncDispose]();
    console.log(JSON.stringify(told));`,
  );
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--no-config", `--import-map=${map}`, code],
    stdin: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const told = JSON.parse(new TextDecoder().decode(stdout)) as string[][];
  assert.deepEqual(told.map(([name, kind]) => [name, kind]), [["stt", "files"], ["llm", "files"]]);
  for (const [, , problem] of told) assert.match(problem!, /^files were not prepared: .*nonexistent/);
});

Deno.test("Prewarmer does nothing when neither model nor tokenizer files are wanted", async () => {
  using folder = new TestFolder();
  folder.put("stt/model.gguf", 1000);
  const { made, told } = prewarmer({ files: false });
  made.start(supervisor("stt", folder));
  await made[Symbol.asyncDispose]();
  assert.deepEqual(told, []);
});
