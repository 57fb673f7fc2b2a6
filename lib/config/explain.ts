/** Turns what the schema says about wrong data into sentences that a person can act on. Pure. */
import type * as z from "zod";
import { alternatives, flat, type JsonSchema, schemasAt, typeText } from "./json_schema.ts";
import { nearest } from "../did_you_mean.ts";
import type { Finding, Path } from "../model/written.ts";
import { describeValue, quote } from "../text.ts";
import { dotted } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** One finding per thing that is wrong; `schema` is the configuration's JSON Schema. */
export function explain(issues: readonly Issue[], data: unknown, schema: JsonSchema): Finding[] {
  return new Explainer(data, schema).all(issues, []);
}

class Explainer {
  /** A file can have thousands of unknown keys: what the schema says about a place is looked up once. */
  readonly #keys = new Map<string, string[]>();
  #homes: Map<string, Set<string>> | null = null;

  constructor(readonly data: unknown, readonly schema: JsonSchema) {}

  all(issues: readonly Issue[], prefix: Path): Finding[] {
    return issues.flatMap((issue) => this.#one(issue, [...prefix, ...issue.path as (string | number)[]]));
  }

  #one(issue: Issue, path: Path): Finding[] {
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => this.#unknownKey(path, key));
      case "invalid_key":
        return [this.#badName(path, issue.issues[0]?.message ?? "another name")];
      case "invalid_union":
        return this.#union(issue, path);
      default:
        return [this.#value(path, issue)];
    }
  }

  #unknownKey(parent: Path, key: string): Finding {
    const valid = this.#keysAt(parent);
    const near = nearest(key, valid);
    const home = near === null ? this.#homeOf(key) : null;
    return {
      path: [...parent, key],
      at: "key",
      message: parent.length === 0
        ? `unknown key ${quote(key)}`
        : `unknown key ${quote(key)} in ${dotted(parent)}`,
      // A long list next to the right answer would only hide it.
      wanted: valid.length === 0 || (near !== null && valid.length > 12)
        ? undefined
        : `one of ${valid.join(", ")}`,
      hint: near !== null
        ? `did you mean ${quote(near)}?`
        : home !== null
        ? `${quote(key)} belongs in ${home}`
        : undefined,
    };
  }

  #keysAt(path: Path): string[] {
    const place = dotted(path);
    let keys = this.#keys.get(place);
    if (keys === undefined) {
      const schemas = schemasAt(this.schema, path, this.data);
      keys = [...new Set(schemas.flatMap((schema) => Object.keys(schema.properties ?? {})))];
      this.#keys.set(place, keys);
    }
    return keys;
  }

  /** Where in the schema a key with exactly this name lives, if only in one place. */
  #homeOf(key: string): string | null {
    this.#homes ??= homesOf(this.schema);
    const [home = null, ...more] = this.#homes.get(key) ?? [];
    return more.length === 0 ? home : null;
  }

  #badName(path: Path, wanted: string): Finding {
    const name = String(path.at(-1));
    return {
      path,
      at: "key",
      message: `not a usable name: ${quote(name)}`,
      wanted,
    };
  }

  #union(issue: Extract<Issue, { code: "invalid_union" }>, path: Path): Finding[] {
    // No alternatives tried: the `type` or `kind` that would have chosen one is wrong or missing.
    if (issue.errors.length === 0) return [this.#value(path, issue)];
    // The alternative that is of the same shape as the value is the one that was meant.
    const meant = issue.errors.find((issues) => !issues.some((i) => i.path.length === 0 && isOfOtherKind(i)));
    return meant ? this.all(meant, path) : [this.#value(path, issue)];
  }

  #value(path: Path, issue: Issue): Finding {
    const value = valueAt(this.data, path);
    const schemas = schemasAt(this.schema, path, this.data);
    const wanted = [...new Set(schemas.map((schema) => typeText(this.schema, schema)))].join(" or ") ||
      undefined;
    if (value === undefined) {
      const parent = path.slice(0, -1);
      return {
        path,
        at: "key",
        message: `${quote(String(path.at(-1)))} is missing${
          parent.length > 0 ? ` in ${dotted(parent)}` : ""
        }`,
        wanted: [wanted, schemas[0]?.description].filter(Boolean).join(": ") || undefined,
      };
    }
    return {
      path,
      at: "value",
      message: `${dotted(path) || "the file"}: ${complaint(issue)}`,
      wanted: issue.code === "invalid_format" ? issue.message : wanted,
      found: describeValue(value),
      hint: this.#hint(path, value, schemas),
    };
  }

  #hint(path: Path, value: unknown, schemas: JsonSchema[]): string | undefined {
    const options = schemas.flatMap((schema) => alternatives(this.schema, schema, value));
    const accepts = (type: string) => options.some((option) => option.type === type);
    if (typeof value === "string") {
      if (accepts("boolean") && /^(yes|on|y)$/i.test(value)) return "YAML 1.2 writes `true`";
      if (accepts("boolean") && /^(no|off|n)$/i.test(value)) return "YAML 1.2 writes `false`";
      const near = nearest(
        value,
        options.flatMap((option) => option.enum ?? [option.const]).filter((v) => typeof v === "string"),
      );
      if (near !== null) return `did you mean ${quote(near)}?`;
      if (accepts("integer") || accepts("number")) {
        if (value.trim() !== "" && Number.isFinite(Number(value))) return "write the number without quotes";
        if (/^[\d.]+ *[a-z]+$/i.test(value)) return "write the number only: the key's last word is its unit";
      }
      if (accepts("array")) {
        return path.at(-1) === "cmd"
          ? `no shell splits it: write [${
            value.split(/\s+/).slice(0, 8).map((word) => quote(word)).join(", ")
          }]`
          : `write it as a list: [${quote(value)}]`;
      }
    }
    if (accepts("string") && (typeof value === "number" || typeof value === "boolean")) {
      return `put it in quotes: "${value}"`;
    }
    return undefined;
  }
}

/** Every key of the schema, with the mappings it belongs in. */
function homesOf(root: JsonSchema): Map<string, Set<string>> {
  const homes = new Map<string, Set<string>>();
  const visit = (schema: JsonSchema, at: string) => {
    for (const option of flat(root, schema)) {
      for (const [name, property] of Object.entries(option.properties ?? {})) {
        homes.set(name, (homes.get(name) ?? new Set()).add(at === "" ? "the top of the file" : at));
        visit(property, at === "" ? name : `${at}.${name}`);
      }
      if (typeof option.additionalProperties === "object") visit(option.additionalProperties, `${at}.<name>`);
      if (option.items) visit(option.items, `${at}[]`);
    }
  };
  visit(root, "");
  return homes;
}

function isOfOtherKind(issue: Issue): boolean {
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

function complaint(issue: Issue): string {
  switch (issue.code) {
    case "too_small":
      return issue.origin === "number" || issue.origin === "int" ? "too small" : "empty";
    case "too_big":
      return issue.origin === "number" || issue.origin === "int" ? "too large" : "too long";
    case "invalid_value":
    case "invalid_union":
      return "not one of the possible values";
    default:
      return "not of the right kind";
  }
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
