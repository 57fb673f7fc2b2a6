/** How far a transcript is from what was said. */

/** Words in lower case, without punctuation; small numbers as words. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().replace(/[^\p{L}\p{N}' ]+/gu, " ").split(/\s+/).filter(Boolean);
}

/** Words that must be changed, added or left out to get from one text to the other (Levenshtein). */
export function wrongWords(said: string, heard: string): number {
  const a = wordsOf(said), b = wordsOf(heard);
  let row = b.map((_, at) => at + 1);
  row.unshift(0);
  for (const [i, word] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (word === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}
