import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wordLikeness, wordSimilarity } from "./text-similarity.ts";

/** The table of distances as it is taught. */
function distanceOf(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, (_, row) => Array.from({ length: b.length + 1 }, () => row));
  const at = (row: number, column: number) => table[row]?.[column] ?? 0;
  for (let column = 0; column <= b.length; column++) (table[0] ?? [])[column] = column;
  for (let row = 1; row <= a.length; row++) {
    for (let column = 1; column <= b.length; column++) {
      const differs = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + differs);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) least = Math.min(least, at(row - 2, column - 2) + 1);
      (table[row] ?? [])[column] = least;
    }
  }
  return at(a.length, b.length);
}

function similarityOf(a: readonly string[], b: readonly string[]): number {
  const [left, right] = [a.slice(0, 32), b.slice(0, 32)];
  const longest = Math.max(left.length, right.length);
  return longest === 0 ? 1 : 1 - distanceOf(left, right) / longest;
}

const words = fc.array(fc.constantFrom("a", "b", "c", "ß", "ж", "灯", "💡"), { maxLength: 36 });

describe("two words", () => {
  it("are as alike as the share of letters that need no change, in any script, by their first 32 letters", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(wordSimilarity(a.join(""), b.join(""))).toBe(similarityOf(a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  it("count as alike, a little less, when the one is the beginning of the other that a person has typed so far", () => {
    fc.assert(
      fc.property(words, words, (typed, meant) => {
        const begun = 0.9 * similarityOf(typed, meant.slice(0, typed.length + 1));
        expect(wordLikeness(typed.join(""), meant.join(""))).toBe(Math.max(similarityOf(typed, meant), begun));
      }),
      { numRuns: 1_000 },
    );
  });
});
