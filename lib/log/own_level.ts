/**
 * The level that a line tells of itself: what a service prints as a warning or an error shall be found as one. Spec: §7;
 * CONTRACT §9. What is looked for are the forms that logging libraries write, at the beginning of a line, not the word
 * somewhere in a sentence: `ERROR:root:…`, `[WARNING] …`, `2026-11-25 12:00:00 ERROR …`, `level=error`, `"level":"error"`;
 * and a Python traceback to its end.
 */

/** 0: INFO, also where nothing is told. 1: WARNING. 2: ERROR. */
export type OwnLevel = 0 | 1 | 2;

const words: readonly (readonly [string, OwnLevel])[] = [
  ["error", 2],
  ["critical", 2],
  ["fatal", 2],
  ["warning", 1],
  ["warn", 1],
];
const encoder = new TextEncoder();
const byFirst = new Map<number, [Uint8Array, OwnLevel][]>();
for (const [word, level] of words) {
  const bytes = encoder.encode(word);
  byFirst.set(bytes[0]!, [...byFirst.get(bytes[0]!) ?? [], [bytes, level]]);
}
const traceback = encoder.encode("Traceback (most recent call last):");
/** How a line of logfmt begins. */
const logfmt = ["level=", "time=", "ts="].map((begin) => encoder.encode(begin));
/** How far into a line a level is looked for. */
const reach = 80;

const isDigit = (byte: number) => byte >= 48 && byte <= 57;
const isLetter = (byte: number) => (byte | 32) >= 97 && (byte | 32) <= 122;
const isUpper = (byte: number) => byte >= 65 && byte <= 90;
/** `:` `]` `>` `|` `"` and the like end a level; so does a blank, after capitals. */
const ends = new Set([..." :]>|)\"',=\t\n\x1b"].map((sign) => sign.charCodeAt(0)));
const [TAB, LF, ESC, SPACE, QUOTE, BRACE, BRACKET, ANGLE, EQUALS, COLON] = [
  9,
  10,
  27,
  32,
  34,
  123,
  91,
  60,
  61,
  58,
];

/** Bytes with which no form of a level begins: 1. A table, for the sake of the benchmark's "log relay". */
const beginsNone = new Uint8Array(256).fill(1);
for (const sign of "ecfwECFWTtl{[<0123456789\x1b") beginsNone[sign.charCodeAt(0)] = 0;

/** One stream of lines; keeps in mind that a traceback goes on. */
export class OwnLevels {
  /** The lines before were a traceback's, which is not at its end. */
  inTraceback = false;

  /** Of the line at `block[at]`, which ends with a newline. */
  of(block: Uint8Array, at: number): OwnLevel {
    const first = block[at]!;
    if (this.inTraceback) {
      // Its frames are indented; the exception's own line ends it.
      this.inTraceback = first === SPACE || first === TAB;
      return 2;
    }
    if (beginsNone[first]) return 0; // for most lines that is all
    if (isLetter(first)) {
      if (first === 84 && startsWith(block, at, traceback)) {
        this.inTraceback = true;
        return 2;
      }
      const level = wordAt(block, at);
      if (level !== 0) return level;
      return logfmt.some((begin) => startsWith(block, at, begin)) ? afterKey(block, at) : 0;
    }
    if (first === BRACE) return afterKey(block, at);
    if (isDigit(first) || first === BRACKET || first === ANGLE || first === ESC) return afterStamp(block, at);
    return 0;
  }
}

/** A level that begins at `at`, if it ends there as a level does. `keyed`: nothing else can stand there. */
function wordAt(block: Uint8Array, at: number, keyed = false): OwnLevel {
  for (const [word, level] of byFirst.get(block[at]! | 32) ?? []) {
    let i = 0;
    while (i < word.length && (block[at + i]! | 32) === word[i]) i++;
    if (i < word.length) continue;
    const next = block[at + i]!;
    // "error while loading" is a sentence, "ERROR while loading" is none.
    if (ends.has(next) && (next !== SPACE || keyed || isUpper(block[at + 1]!))) return level;
  }
  return 0;
}

/** A level in capitals or in brackets behind a time stamp, a logger's name, a colour. */
function afterStamp(block: Uint8Array, from: number): OwnLevel {
  const stop = Math.min(block.length, from + reach);
  for (let at = from; at < stop && block[at] !== LF; at++) {
    const before = at === from ? SPACE : block[at - 1]!;
    const inWord = isLetter(before) || isDigit(before);
    if (!isLetter(block[at]!) || (inWord && !isColour(block, from, at))) continue;
    const bracketed = before === BRACKET || before === ANGLE;
    const level = isUpper(block[at]!) || bracketed || inWord ? wordAt(block, at) : 0;
    if (level !== 0) return level;
  }
  return 0;
}

/** What stands before `at` is the `m` that ends a colour. */
function isColour(block: Uint8Array, from: number, at: number): boolean {
  if (block[at - 1] !== 109) return false;
  let i = at - 2;
  while (i > from && (isDigit(block[i]!) || block[i] === 59)) i--;
  return block[i] === BRACKET && block[i - 1] === ESC;
}

/** `level=error`, `"level": "error"`. */
function afterKey(block: Uint8Array, from: number): OwnLevel {
  const stop = Math.min(block.length, from + 2 * reach);
  for (let at = from; at + 6 < stop && block[at] !== LF; at++) {
    if ((block[at]! | 32) !== 108 || !startsWith(block, at, key)) continue;
    at += key.length;
    while (block[at] === QUOTE || block[at] === EQUALS || block[at] === COLON || block[at] === SPACE) at++;
    return wordAt(block, at, true);
  }
  return 0;
}

const key = encoder.encode("level");

function startsWith(block: Uint8Array, at: number, want: Uint8Array): boolean {
  for (let i = 0; i < want.length; i++) if (block[at + i] !== want[i]) return false;
  return true;
}
