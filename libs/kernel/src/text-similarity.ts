/** Words longer than this are compared by their beginning: the comparison costs the product of both lengths. */
const MAX_COMPARED = 32;

/**
 * How alike two words are, 0 to 1: one minus the share of characters that must be inserted, deleted, replaced or swapped
 * with their neighbour (optimal string alignment).
 */
export function wordSimilarity(a: string, b: string): number {
  const left = [...a].slice(0, MAX_COMPARED);
  const right = [...b].slice(0, MAX_COMPARED);
  const longest = Math.max(left.length, right.length);
  if (longest === 0) return 1;
  return 1 - editDistance(left, right) / longest;
}

/** How alike the words of a query and those of a name are. */
export interface NameSimilarity {
  /** The mean over the words of the query of their likeness to the nearest word of the name, 0 to 1; a little less when the name says more. */
  readonly similarity: number;
  /** The likeness of the word of the query that is farthest from any word of the name. */
  readonly weakest: number;
  /** The word of the name that came nearest to any. */
  readonly nearest: string;
}

/** Compares a query with a name word by word, in any order. */
export function nameSimilarity(query: readonly string[], name: readonly string[]): NameSimilarity {
  if (query.length === 0 || name.length === 0) return { similarity: 0, weakest: 0, nearest: "" };
  const found = query.map((word) => nearestWord(word, name));
  const likeness = found.map((word) => word.likeness);
  const best = found.reduce((a, b) => (b.likeness > a.likeness ? b : a));
  const surplus = Math.max(0, name.length - query.length);
  const mean = likeness.reduce((sum, value) => sum + value, 0) / query.length;
  return { similarity: mean * (1 - 0.02 * Math.min(surplus, 5)), weakest: Math.min(...likeness), nearest: best.word };
}

/** How likely a word of a query means a word of a name, 0 to 1. */
export function wordLikeness(word: string, meant: string): number {
  // What a person is still typing is compared with as much of the word.
  const begun = [...meant].slice(0, [...word].length + 1).join("");
  return Math.max(wordSimilarity(word, meant), 0.9 * wordSimilarity(word, begun));
}

function nearestWord(word: string, name: readonly string[]): { readonly word: string; readonly likeness: number } {
  let nearest = { word: "", likeness: 0 };
  for (const candidate of name) {
    const likeness = wordLikeness(word, candidate);
    if (likeness > nearest.likeness) nearest = { word: candidate, likeness };
  }
  return nearest;
}

function editDistance(a: readonly string[], b: readonly string[]): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(replaced, at(last, column) + 1, at(current, column - 1) + 1);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
