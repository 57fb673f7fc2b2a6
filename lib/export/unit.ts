/** Files of systemd's form, which Quadlet's are too: sections of keys, and values that no specifier or quote can break. */
import { LoaderError } from "../errors.ts";
import { quote } from "../text.ts";

export type Section = readonly [name: string, lines: readonly (readonly [key: string, value: string])[]];

/** `comment` ends with a line's end. Sections without lines are left out. */
export function unitText(comment: string, sections: readonly Section[]): string {
  const written = sections.filter(([, lines]) => lines.length > 0).map(([name, lines]) =>
    [`[${name}]`, ...lines.map(([key, value]) => `${key}=${value}`)].join("\n") + "\n"
  );
  return comment + written.join("\n");
}

/** One word in quotes: a `%` is no specifier, and nothing in it ends the word or the line. */
export function unitWord(text: string): string {
  const escaped = text.replaceAll("%", "%%").replace(
    /[\p{Cc}"\\]/gu,
    (character) =>
      character < " " || character === "\x7f"
        ? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
        : character > "\x7f"
        ? character
        : `\\${character}`,
  );
  return /^[\w%+=:,./@-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** One word of a command line, where a `$` stands for a variable. */
export const commandWord = (text: string): string => unitWord(text.replaceAll("$", "$$$$"));

/** A command line. A program whose name begins with what means something to systemd is found by `env`. */
export function commandLine(argv: readonly string[]): string {
  const words = /^[@:+!|-]/.test(argv[0] ?? "") ? ["/usr/bin/env", "--", ...argv] : argv;
  return words.map((word, i) => i === 0 ? unitWord(word) : commandWord(word)).join(" "); // no variable is the program
}

/** A value that is taken as it stands but for specifiers. @throws LoaderError for what no unit can say. */
export function plainValue(text: string): string {
  if (/\p{Cc}|^\s|\s$|\\$/u.test(text)) {
    throw new LoaderError("usage", `${quote(text)} cannot stand in a unit file`, {
      hint: "name it without control characters, and without space or backslash at its ends",
    });
  }
  return text.replaceAll("%", "%%");
}
