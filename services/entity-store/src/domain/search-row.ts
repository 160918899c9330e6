import type { JsonObject } from "@funkygibbon/kernel/json";
import { fold, nameOf, textsOf, wordsOf } from "./search-text.ts";
import { factsOf } from "./similarity.ts";

/** What the search index holds of an entity. */
export interface SearchRow {
  /** Folded, at most 256 characters. */
  readonly name: string;
  readonly words: readonly string[];
  readonly facts: readonly string[];
}

const MAX_NAME_LENGTH = 256;

/** What a body says to a search. */
export function searchRow(body: JsonObject): SearchRow {
  const name = fold(nameOf(body)).trim();
  return {
    name: name.length <= MAX_NAME_LENGTH ? name : [...name].slice(0, MAX_NAME_LENGTH).join(""),
    words: wordsOf(textsOf(body).map(fold).join(" ")),
    facts: factsOf(body),
  };
}

/** The row of a body that defeats the projection: found by no word, but never in the way of others. */
export const EMPTY_SEARCH_ROW: SearchRow = { name: "", words: [], facts: [] };
