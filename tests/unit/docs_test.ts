/** What the documents show is true: links lead somewhere, configurations are right, commands are there. */
import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";

const root = new URL("../..", import.meta.url).pathname;
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...[...Deno.readDirSync(`${root}docs`)].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    `docs/${name}`
  ),
].sort();
const read = (path: string) => Deno.readTextFileSync(root + path);
const blocksOf = (text: string, language: string) =>
  [...text.matchAll(new RegExp("```" + language + "\\n([^]*?)```", "g"))].map((match) => match[1]!);

/** As a forge makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/```[^]*?```/g, "").matchAll(/^#+ +(.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(/\s/g, "-")
    ),
  );
}

Deno.test("every link of the documents leads somewhere", () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target] of read(page).replaceAll(/```[^]*?```/g, "").matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const file = path === "" ? page : new URL(path!, `file:///${page}`).pathname.slice(1);
      try {
        const info = Deno.statSync(root + file);
        if (anchor && info.isFile && !anchorsOf(read(file)).has(anchor)) broken.push(`${page}: ${target}`);
      } catch {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("every whole configuration that the documents show is right", () => {
  let shown = 0;
  for (const page of pages) {
    for (const text of blocksOf(read(page), "yaml")) {
      if (!/^loader:/m.test(text) || !/^services:/m.test(text)) continue;
      shown++;
      parseConfig(text, page, { HOME: "/home/x" });
    }
  }
  assert.ok(shown >= 2, `${shown} found`);
});

Deno.test("every command that the documents show is there", async () => {
  const { commands } = await import("../../lib/cli/mod.ts");
  const unknown: string[] = [];
  for (const page of pages) {
    const text = read(page);
    const shown = [...blocksOf(text, "sh").join("\n").matchAll(/(?:^|\s)alexa-loader ([a-z][a-z-]*)/gm)]
      .concat([...text.matchAll(/`alexa-loader ([a-z][a-z-]*)/g)]);
    for (const [, name] of shown) if (!(name! in commands)) unknown.push(`${page}: ${name}`);
  }
  assert.deepEqual(unknown, []);
});

Deno.test("every task that the documents show is there", () => {
  const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, unknown> };
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/deno(?:@[\d.]+)? task\s+([a-z][a-z:-]*)/g)].map((match) => match[1]!)
      .filter((name) => !(name in tasks)).map((name) => `${page}: ${name}`)
  );
  assert.deepEqual(unknown, []);
});

Deno.test("the README is read in one sitting", () => {
  assert.ok(read("README.md").split("\n").length <= 200);
});
