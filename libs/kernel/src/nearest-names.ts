import { fold, wordsOf } from "./search-text.ts";
import { metersOf, nameSimilarity } from "./text-similarity.ts";

/** Names less alike than this have little to do with each other. */
const MIN_SIMILARITY = 0.45;

/** Whether two names are the same to a person: whatever the case, the accents and what stands between words. Names without letters or digits are when they are written alike; no name is the same as none. */
export function sameName(a: string, b: string): boolean {
  const letters = lettersOf(a);
  if (letters !== "") return letters === lettersOf(b);
  return a.trim() !== "" && a.trim() === b.trim();
}

/**
 * The items whose names come closest to what was written, best first; those that have little to do with it are left out.
 * Ties keep the order of `items`.
 */
export function nearestNames<T>(
  written: string,
  items: readonly T[],
  options: { readonly nameOf: (item: T) => string; readonly limit: number },
): readonly T[] {
  const asked = metersOf(wordsOf(fold(written)));
  return items
    .map((item) => ({ item, ...nameSimilarity(asked, wordsOf(fold(options.nameOf(item)))) }))
    .filter(({ similarity }) => similarity >= MIN_SIMILARITY)
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, options.limit)
    .map(({ item }) => item);
}

function lettersOf(name: string): string {
  return fold(name)
    .replaceAll(/[^\p{L}\p{N}\p{M}]+/gu, " ")
    .trim();
}
