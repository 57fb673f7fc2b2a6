/** Bounded looking around: folders and patterns, never more than a set number of entries for one service. Spec: §9. */
import type { FileTree } from "../sys/files/file_tree.ts";
import { type FileKind, kindByName, withoutCopies } from "./kinds.ts";

export interface FoundFile {
  path: string;
  size: number;
  kind: FileKind;
}

/** What is looked at in all for one service. */
const entryLimit = 10_000;
const depthLimit = 6;

/** One search. Files are collected once, whatever their names and however many ways lead to them. */
export class Walk {
  readonly #tree: FileTree;
  readonly #signal: AbortSignal;
  readonly #files = new Map<string, FoundFile>();
  #entriesLeft: number;

  constructor(tree: FileTree, signal: AbortSignal, limit = entryLimit) {
    this.#tree = tree;
    this.#signal = signal;
    this.#entriesLeft = limit;
  }

  get files(): FoundFile[] {
    return [...this.#files.values()];
  }
  /** There was more to look at than is looked at. */
  get cutShort(): boolean {
    return this.#entriesLeft <= 0;
  }

  async look(path: string) {
    if (!this.#spend()) return null;
    return await this.#tree.look(path);
  }

  async isDir(path: string): Promise<boolean> {
    return (await this.look(path))?.kind === "dir";
  }

  /** Names in a folder, sorted; empty when there is none. */
  async names(path: string): Promise<string[]> {
    return (await this.#list(path)).map(({ name }) => name);
  }

  text(path: string): Promise<string | null> {
    return this.#tree.text(path);
  }

  /** Adds one file, of the given kind or of what its name says; false when there is none. */
  async add(path: string, kind?: FileKind): Promise<boolean> {
    const is = kind ?? kindByName(path);
    const facts = is === null ? null : await this.look(path);
    if (is === null || facts?.kind !== "file") return false;
    if (!this.#files.has(facts.id)) this.#files.set(facts.id, { path, size: facts.size, kind: is });
    return true;
  }

  /**
   * Adds the model files in a folder and below that `wanted` takes, by their name and the folders between; gives their
   * number. Links to folders are not followed.
   */
  async addFolder(
    path: string,
    wanted: (name: string, folders: readonly string[]) => boolean = () => true,
    depth = depthLimit,
    folders: readonly string[] = [],
  ): Promise<number> {
    const entries = await this.#list(path);
    const keep = new Set(withoutCopies(entries.map(({ name }) => name)));
    let added = 0;
    for (const { name, link } of entries) {
      const child = `${path}/${name}`;
      if (kindByName(name) !== null) {
        if (keep.has(name) && wanted(name, folders) && await this.add(child)) added++;
      } else if (!link && depth > 1 && !name.startsWith(".") && await this.isDir(child)) {
        added += await this.addFolder(child, wanted, depth - 1, [...folders, name]);
      }
    }
    return added;
  }

  /** Adds what an absolute pattern names (`*`, `**`, `?`, `[a-z]`, `{a,b}`): files of any name, model files of folders. */
  async addGlob(pattern: string): Promise<number> {
    let added = 0;
    for (const one of alternatives(pattern)) {
      added += await this.#glob("", one.split("/").filter((part) => part !== ""), depthLimit);
    }
    return added;
  }

  async #glob(at: string, parts: readonly string[], depth: number): Promise<number> {
    const [part, ...rest] = parts;
    if (part === undefined) {
      if (await this.add(at, kindByName(at) ?? "model")) return 1;
      return await this.isDir(at) ? await this.addFolder(at) : 0;
    }
    if (part === "**") {
      let added = await this.#glob(at, rest, depth);
      if (depth === 0) return added;
      for (const { name, link } of await this.#list(at)) {
        if (link || name.startsWith(".")) continue;
        if (await this.isDir(`${at}/${name}`)) added += await this.#glob(`${at}/${name}`, parts, depth - 1);
      }
      return added;
    }
    if (!/[*?[]/.test(part)) return await this.#glob(`${at}/${part}`, rest, depth);
    const matches = segmentPattern(part);
    let added = 0;
    for (const { name } of await this.#list(at || "/")) {
      if (name.startsWith(".") && !part.startsWith(".")) continue;
      if (matches.test(name)) added += await this.#glob(`${at}/${name}`, rest, depth);
    }
    return added;
  }

  async #list(path: string) {
    if (!this.#spend()) return [];
    const entries = await this.#tree.list(path, this.#entriesLeft);
    this.#entriesLeft -= entries.length;
    return entries;
  }

  #spend(): boolean {
    this.#signal.throwIfAborted();
    return this.#entriesLeft-- > 0;
  }
}

/** `{a,b}` written out, at most 64 of them. */
function alternatives(pattern: string): string[] {
  let all = [pattern];
  for (;;) {
    const next = all.flatMap((one) => {
      const [, before, words, after] = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/.exec(one) ?? [];
      return words?.split(",").map((word) => `${before}${word}${after}`) ?? [one];
    });
    if (next.length === all.length || next.length > 64) return all;
    all = next;
  }
}

/**
 * One part of a path as a regular expression. What stands between two stars is taken where it is found first and never
 * looked for again (a group that is looked ahead at is not gone back into), else many stars and a long name take for ever.
 */
function segmentPattern(part: string): RegExp {
  const pieces = [""];
  for (const [token, not, set] of part.matchAll(/\[(!?)([^\]\\]+)\]|[^]/gu)) {
    const one = set === undefined ? literal(token) : `[${not && "^"}${set.replaceAll("^", "\\^")}]`;
    if (token === "*") pieces.push("");
    else pieces[pieces.length - 1] += one;
  }
  const [first, ...rest] = pieces;
  const last = rest.pop();
  const middle = rest.map((piece, i) => `(?=(.*?${piece}))\\${i + 1}`).join("");
  try {
    return new RegExp(`^${first}${middle}${last === undefined ? "" : `.*${last}`}$`);
  } catch {
    return /(?!)/; // a set such as [z-a]: matches nothing
  }
}

function literal(character: string): string {
  if (character === "?") return ".";
  return /[\\^$.|+()[\]{}]/.test(character) ? `\\${character}` : character;
}
