/** How far a transcript is from what was said. Pure. */

/** More than anyone says at once: the alignment's table stays small whatever a server answers. */
const mostWords = 200;

/** Words in lower case, without punctuation. */
export function wordsOf(text: string): string[] {
  return text.slice(0, 20_000).toLowerCase().normalize("NFC").replace(/[^\p{L}\p{M}\p{N}' ]+/gu, " ").split(
    /\s+/,
  )
    .filter(Boolean).slice(0, mostWords);
}

export interface Alignment {
  /** Words of the one that are in the other, at their place in the best alignment. */
  right: number;
  /** Words that must be changed, added or left out to get from one text to the other (Levenshtein). */
  wrong: number;
  /** Words that were said. */
  all: number;
}

/** The alignment with the fewest wrong words, and of those the one with the most right ones. */
export function align(said: string, heard: string): Alignment {
  const a = wordsOf(said), b = wordsOf(heard);
  let row = [0, ...b].map((_, at) => ({ wrong: at, right: 0 }));
  for (const [i, word] of a.entries()) {
    const next = [{ wrong: i + 1, right: 0 }];
    for (const [j, other] of b.entries()) {
      const same = word === other;
      const ways = [
        { wrong: row[j]!.wrong + (same ? 0 : 1), right: row[j]!.right + (same ? 1 : 0) },
        { ...row[j + 1]!, wrong: row[j + 1]!.wrong + 1 },
        { ...next[j]!, wrong: next[j]!.wrong + 1 },
      ];
      next.push(
        ways.reduce((best, way) =>
          way.wrong < best.wrong || (way.wrong === best.wrong && way.right > best.right) ? way : best
        ),
      );
    }
    row = next;
  }
  return { ...row.at(-1)!, all: a.length };
}

/** Only what is wrong. */
export function wrongWords(said: string, heard: string): number {
  return align(said, heard).wrong;
}
