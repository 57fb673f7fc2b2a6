import assert from "node:assert/strict";
import { bundle } from "../../../scripts/build/bundle.ts";
import { selfExtracting } from "../../../scripts/build/self_extracting.ts";
import { withProcesses } from "../../support/with_processes.ts";

const stamp = { commit: "0123456789abcdef", built: "2026-01-02T03:04:05.000Z" };

withProcesses.test("bundle() and selfExtracting() give the same bytes each time", async () => {
  const pack = async () => {
    const runtime = new TextEncoder().encode("a runtime");
    return await selfExtracting({ parts: await bundle(stamp), runtime, target: Deno.build.target, level: 6 });
  };
  assert.deepEqual(await pack(), await pack());
});

withProcesses.test("bundle() writes its stamp once, and needs nothing from outside", async () => {
  const texts = (await bundle(stamp)).map(({ bytes }) => new TextDecoder().decode(bytes));
  assert.equal(texts.filter((text) => text.includes("0123456789abcdef")).length, 1);
  assert.ok(texts.every((text) => !/from ?"(npm|jsr|https?):/.test(text)));
  const total = texts.reduce((sum, text) => sum + text.length, 0);
  assert.ok(total < 2_000_000, `${total} characters`);
});

withProcesses.test("bundle() splits: what --version loads is small", async () => {
  const parts = await bundle(stamp);
  const loaded = new Set<string>();
  const load = (name: string) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    const text = new TextDecoder().decode(parts.find((part) => part.name === name)!.bytes);
    for (const [, wanted] of text.matchAll(/(?:from|import) ?"\.\/([^"]+)"/g)) load(wanted!);
  };
  load("main.js");
  const size = [...loaded].reduce(
    (sum, name) => sum + parts.find((part) => part.name === name)!.bytes.length,
    0,
  );
  assert.ok(size < 20_000, `${size} bytes: ${[...loaded].join(" ")}`);
});
