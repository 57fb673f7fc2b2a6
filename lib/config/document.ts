/**
 * Text -> plain data and where each part of it stands. YAML 1.2, read with suspicion: one document, no tags, no
 * duplicate keys, a bounded number of nodes (also behind aliases), a bounded depth. JSON is YAML.
 */
import { isRecord } from "../shape.ts";
import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type YAMLError } from "yaml";
import type { Finding, Path } from "../model/written.ts";
import { describeValue, quote } from "../text.ts";
import { dotted, excerptOf, type Problem } from "./problem.ts";

const maxNodes = 20_000;
const maxDepth = 40;

type Range = readonly [start: number, end: number];

interface Place {
  key: Range | null;
  value: Range;
}

/** What was read: data for the schema, and a way back from a path to a place in the text. */
export interface ConfigDocument {
  /** Null when the text is not even one mapping. */
  data: Record<string, unknown> | null;
  /** What is wrong with the text as YAML. */
  problems: Problem[];
  /** Dotted paths of all that is written in the file. */
  given: ReadonlySet<string>;
  /** Puts a finding at its place. */
  locate(finding: Finding): Problem;
  /** The source text of a value, as written; null if it is not in the file. */
  sourceOf(path: Path): string | null;
}

/** Reads `text`; never throws. */
export function readDocument(text: string): ConfigDocument {
  return new Reader(text).read();
}

class Reader {
  readonly #text: string;
  /** Offset of the first character of every line. */
  readonly #lineStarts: number[] = [0];
  readonly #places = new Map<string, Place>();
  readonly #given = new Set<string>();
  readonly #problems: Problem[] = [];
  readonly #anchors = new Map<string, Node>();
  #nodes = 0;

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
  }

  read(): ConfigDocument {
    return {
      data: this.#data(),
      problems: this.#problems,
      given: this.#given,
      locate: (finding) => this.#locate(finding),
      sourceOf: (path) => {
        const place = this.#places.get(keyOf(path));
        return place ? this.#text.slice(...place.value) : null;
      },
    };
  }

  #data(): Record<string, unknown> | null {
    let document;
    try {
      // Duplicate keys are looked for below: the parser's own way takes quadratic time.
      document = parseDocument(this.#text, {
        version: "1.2",
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: "error",
      });
    } catch {
      // Only recursion can throw here: thousands of nested brackets.
      this.#report([0, 1], { path: [], at: "value", message: "cannot be read as YAML: nested too deeply" });
      return null;
    }
    for (const error of telling([...document.errors, ...document.warnings])) {
      this.#report(error.pos, wordingOf(error));
    }
    // After that the rest would be guesswork.
    if (this.#problems.length > 0) return null;
    const root = document.contents as Node | null;
    if (root === null || (isScalar(root) && root.value === null)) {
      this.#report([0, 0], {
        path: [],
        at: "value",
        message: "the file is empty",
        wanted: "the mappings `loader` and `services`",
        hint: "`alexa-loader init` writes a commented starter configuration",
      });
      return null;
    }
    try {
      const data = this.#value(root, [], null);
      if (isRecord(data)) return data;
      this.#report(root.range ?? [0, 0], {
        path: [],
        at: "value",
        message: "the top of the file is not a mapping",
        wanted: "a mapping with `loader` and `services`",
        found: describeValue(data),
      });
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
      this.#report(error.range, { path: error.path, at: "value", message: error.message, hint: error.hint });
    }
    return null;
  }

  #value(node: unknown, path: Path, key: Range | null): unknown {
    const range = rangeOf(node) ?? key ?? [0, 0];
    if (++this.#nodes > maxNodes) {
      throw new TooMuch(`more than ${maxNodes} values`, "aliases multiply what they stand for", range, path);
    }
    if (path.length > maxDepth) {
      throw new TooMuch("nested too deeply", "an alias inside of its own anchor never ends", range, path);
    }
    this.#places.set(keyOf(path), { key, value: range });
    if (path.length > 0) this.#given.add(dotted(path));
    if (isAlias(node)) return this.#alias(node, path, key);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor) this.#anchors.set(anchor, node as Node);
    if (isMap(node)) return this.#mapping(node.items, path);
    if (isSeq(node)) return node.items.map((item, i) => this.#value(item, [...path, i], null));
    return isScalar(node) ? node.value : null;
  }

  #alias(node: Alias, path: Path, key: Range | null): unknown {
    const target = this.#anchors.get(node.source);
    if (target !== undefined) return this.#value(target, path, key);
    this.#report(rangeOf(node) ?? [0, 0], {
      path,
      at: "value",
      message: `the alias ${quote(`*${node.source}`)} has no anchor before it`,
      hint: "put a text that begins with `*` in quotes",
    });
    return null;
  }

  #mapping(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? key.value : undefined;
      const range = rangeOf(key) ?? rangeOf(value) ?? [0, 0];
      if (typeof name !== "string" || name === "__proto__") {
        this.#report(range, {
          path,
          at: "key",
          message: "not a usable key",
          wanted: "a name",
          found: describeValue(name ?? (isScalar(key) ? null : {})),
        });
        continue;
      }
      if (Object.hasOwn(data, name)) {
        const first = this.#places.get(keyOf([...path, name]))?.key ?? range;
        this.#report(range, {
          path: [...path, name],
          at: "key",
          message: `${quote(name)} is given twice`,
          hint: `it is on line ${this.#lineOf(first[0])} already; keep one of the two`,
        });
        continue;
      }
      data[name] = this.#value(value, [...path, name], range);
    }
    return data;
  }

  #locate(finding: Finding): Problem {
    let place: Place | undefined;
    // What is missing is not in the text: its nearest ancestor is.
    let path = finding.path;
    while ((place = this.#places.get(keyOf(path))) === undefined && path.length > 0) path = path.slice(0, -1);
    if (place === undefined) return this.#problem([0, 0], finding);
    const exact = path.length === finding.path.length;
    let range = place.value;
    if (place.key && (!exact || finding.at === "key" || range[0] >= range[1])) range = place.key;
    if (finding.inside !== undefined) {
      const offset = this.#text.slice(...place.value).indexOf(finding.inside);
      if (offset >= 0) range = [place.value[0] + offset, place.value[0] + offset + finding.inside.length];
    }
    return this.#problem(range, finding);
  }

  #report([start = 0, end = start + 1]: readonly number[], finding: Finding): void {
    this.#problems.push(this.#problem([start, end], finding));
  }

  #problem([start, end]: Range, finding: Finding): Problem {
    let offset = Math.max(0, Math.min(start, this.#text.length));
    // The end of the file is shown behind its last character, not on the empty line after it.
    if (offset === this.#text.length) offset = this.#text.trimEnd().length;
    const line = this.#lineOf(offset);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const column = offset - lineStart + 1;
    const lineText = this.#text.slice(lineStart, (this.#lineStarts[line] ?? this.#text.length + 1) - 1);
    return {
      line,
      column,
      path: dotted(finding.path),
      message: finding.message,
      wanted: finding.wanted ?? null,
      found: finding.found ?? null,
      hint: finding.hint ?? null,
      excerpt: excerptOf(lineText, line, column, Math.max(1, end - offset)),
    };
  }

  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

/** The walk through the document was given up. */
class TooMuch extends Error {
  constructor(message: string, readonly hint: string, readonly range: Range, readonly path: Path) {
    super(message);
  }
}

function rangeOf(node: unknown): Range | null {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range ? [range[0], range[1]] : null;
}

function keyOf(path: Path): string {
  return path.join("\0");
}

/** One slip often makes the parser stumble over what follows: those errors are left out. */
function telling(errors: readonly YAMLError[]): readonly YAMLError[] {
  const tabs = errors.filter((error) => error.code === "TAB_AS_INDENT");
  if (tabs.length > 0) return tabs;
  const echoes = ["BAD_INDENT", "MULTILINE_IMPLICIT_KEY"];
  return errors.filter((error, i) => i === 0 || !echoes.includes(error.code));
}

function wordingOf(error: YAMLError): Finding {
  const say = (message: string, hint?: string): Finding => ({ path: [], at: "value", message, hint });
  switch (error.code) {
    case "TAB_AS_INDENT":
      return say("a tab in the indentation", "indent with spaces");
    case "MULTIPLE_DOCS":
      return say(
        "a second document in the file",
        "one file holds one configuration: remove the `---` line and what follows",
      );
    case "TAG_RESOLVE_FAILED":
      return say(
        "a tag that has no meaning here",
        "write the plain value, or put a text that begins with `!` in quotes",
      );
    case "BAD_ALIAS":
      return say(`not a usable alias: ${error.message}`, "put a text that begins with `*` in quotes");
    default:
      return say(`not valid YAML: ${error.message}`);
  }
}
