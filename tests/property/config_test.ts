/** Whatever is done to a configuration: parseConfig() answers with a configuration or with problems inside the file. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Document, parse } from "yaml";
import { ConfigError, parseConfig } from "../../lib/config/mod.ts";
import { editDistance, nearest } from "../../lib/did_you_mean.ts";
import { expand } from "../../lib/config/expand.ts";
import { planBoot } from "../../lib/plan/mod.ts";
import { factsWith, specText } from "../support/config_edit.ts";

/** `CONFIG_MUTATIONS=10000` looks further, for a minute or two. */
const runs = Number(Deno.env.get("CONFIG_MUTATIONS") ?? 500);

function holds(text: string): void {
  try {
    const loaded = parseConfig(text, "loader.yaml", { HOME: "/home/me" });
    // What is accepted can be planned, and the plan is plain data.
    const plan = planBoot(loaded, factsWith());
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.equal(error.code, "config_invalid");
    assert.ok(error.problems.length > 0);
    const lines = text.replace(/^\ufeff/, "").split("\n");
    for (const { line, column, message, excerpt } of error.problems) {
      assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}: ${message}`);
      assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1, `column ${column}: ${message}`);
      assert.ok(message !== "" && excerpt.split("\n").length <= 2);
    }
  }
}

const odd = fc.constantFrom(
  "",
  " ",
  "\t",
  "\n",
  "\r\n",
  ":",
  ": ",
  "- ",
  "#",
  '"',
  "'",
  "{",
  "}",
  "[",
  "]",
  ",",
  "&a ",
  "*a",
  "!x ",
  "|",
  ">",
  "---\n",
  "...\n",
  "?",
  "<<: ",
  "${",
  "~",
  "null",
  "true",
  "yes",
  "-1",
  "1e99",
  ".nan",
  "0x10",
  "99999",
  "\0",
  "\ufeff",
  "ä",
  "𝄞",
  "\u2028",
  "__proto__",
  "services",
);

Deno.test("parseConfig() survives characters lost, doubled, swapped and thrown in", () => {
  const change = fc.record({
    at: fc.nat(specText.length),
    remove: fc.oneof(fc.nat(3), fc.nat(200)),
    insert: fc.oneof(odd, fc.string({ maxLength: 8 }), fc.string({ unit: "binary", maxLength: 4 })),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let text = specText;
      for (const { at, remove, insert } of changes) {
        text = text.slice(0, at) + insert + text.slice(at + remove);
      }
      holds(text);
    }),
    { numRuns: runs },
  );
});

type Data = Record<string, unknown>;

/** All places of a tree where something can be replaced. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  if (path.length === 0) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...value as Data }) as Data;
  copy[path[0]!] = replaced(copy[path[0]!], path.slice(1), by);
  return copy;
}

Deno.test("parseConfig() survives any value in any place", () => {
  const spec = parse(specText);
  const places = placesOf(spec).filter((path) => path.length > 0);
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, true, false, -1, 0, 1.5, 1e12, "", "x", [], {}, [null], { type: "tcp" }, {
      kind: "exec",
    }, ["kwd"]),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const change = fc.record({ place: fc.constantFrom(...places), value });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let data: unknown = spec;
      for (const { place, value } of changes) {
        // An earlier change may have taken the place away.
        const parents = place.slice(0, -1).reduce<unknown>((at, key) => (at as Data | null)?.[key], data);
        if (typeof parents === "object" && parents !== null) data = replaced(data, place, value);
      }
      holds(new Document(data).toString());
    }),
    { numRuns: runs },
  );
});

Deno.test("parseConfig() survives text that never was a configuration", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.array(odd).map((parts) => parts.join(""))),
      holds,
    ),
    { numRuns: runs },
  );
});

Deno.test("editDistance() is a distance, and nearest() finds the name itself", () => {
  const name = fc.string({ maxLength: 12 });
  fc.assert(fc.property(name, name, (a, b) => {
    assert.equal(editDistance(a, b), editDistance(b, a));
    assert.equal(editDistance(a, b) === 0, a === b);
    assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
  }));
  const key = fc.stringMatching(/^[a-z_]{1,20}$/);
  fc.assert(
    fc.property(fc.array(key, { minLength: 1 }), (keys) => assert.equal(nearest(keys[0]!, keys), keys[0])),
  );
});

Deno.test("expand() leaves text without $ and ~ alone, and brings quoted text back", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const plain = text.replaceAll(/[$~]/g, "");
    assert.deepEqual(expand(plain, {}), { ok: true, text: plain });
    const quoted = text.replaceAll("~", "").replaceAll("$", () => "$$");
    assert.deepEqual(expand(quoted, {}), { ok: true, text: text.replaceAll("~", "") });
  }));
});
