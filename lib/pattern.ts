/**
 * The user's regular expressions. The language's own engine tries all ways to match one after the other: `(a+)+$` and a
 * line of 45 characters stop the program for ever. This one needs time in proportion to the line, and is loaded only
 * where there is a pattern.
 */
export interface Pattern {
  /** Whether it matches somewhere in the first 4096 characters. */
  test(line: string): boolean;
}

const maxLineChars = 4096;
/** Time grows with the pattern too, once its repetitions are written out. */
const maxInstructions = 1000;

/** @throws an Error that says in half a sentence what the pattern has that cannot be matched so. */
export async function compilePattern(source: string): Promise<Pattern> {
  const { RE2JS } = await import("re2js");
  // It would be taken for the letter k.
  if (/\\k</.test(source)) throw new Error("a back reference: `\\k<`");
  let pattern;
  try {
    pattern = RE2JS.compile(RE2JS.translateRegExp(source));
  } catch (error) {
    throw new Error((error as Error).message.replace(/^error parsing regexp: /, ""));
  }
  if (pattern.programSize() > maxInstructions) throw new Error("too many repetitions");
  return { test: (line) => pattern.test(line.slice(0, maxLineChars)) };
}
