import type { JsonObject } from "@funkygibbon/kernel/json";
import { fold, nameOf, textsOf, wordsOf } from "@funkygibbon/kernel/search-text";
import { factsOf } from "./similarity.ts";

/** What the search index holds of an entity. */
export interface SearchRow {
  /** Folded, at most 256 characters. */
  readonly name: string;
  /** Those of all texts. */
  readonly words: readonly string[];
  readonly nameWords: readonly string[];
  readonly facts: readonly string[];
}

const MAX_NAME_LENGTH = 256;

/** What a body says to a search. */
export function searchRow(body: JsonObject): SearchRow {
  const whole = fold(nameOf(body)).trim();
  const name = whole.length <= MAX_NAME_LENGTH ? whole : [...whole].slice(0, MAX_NAME_LENGTH).join("");
  return {
    name,
    words: wordsOf(textsOf(body).map(fold).join(" ")),
    nameWords: wordsOf(name),
    facts: factsOf(body),
  };
}

/** The row of a body that defeats the projection: found by no word, but never in the way of others. */
export const EMPTY_SEARCH_ROW: SearchRow = { name: "", words: [], nameWords: [], facts: [] };
