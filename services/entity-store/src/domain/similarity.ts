import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import { type JsonObject, type JsonValue, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { fold, nameOf, wordsOf } from "@funkygibbon/kernel/search-text";
import { metersOf, nameSimilarity } from "@funkygibbon/kernel/text-similarity";

/** How alike two entities of one type are. */
export interface Similarity {
  /** 0 to 1. */
  readonly score: number;
  /** The top-level keys on which both agree, sorted. */
  readonly sharedKeys: readonly string[];
}

/** Values count more than names: two bulbs of one make in different rooms are alike, a lamp and its twin in name may not be. */
const VALUES_WEIGHT = 0.7;
/** Longer keys and values are no facts that two things share by being alike, and an index takes no fact of any length. */
const MAX_FACT_LENGTH = 200;
const MAX_FACTS = 200;
/** Compared by itself, and no fact at all. */
const NO_FACTS: ReadonlySet<string> = new Set(["name", IMPORT_MEMORY_KEY]);

/** As `pg_trgm` has it where the index proposes names. */
const MIN_NAME_TRIGRAMS = 0.3;

/**
 * Whether two bodies are alike at all: they share a fact, or their names resemble each other. What the index proposes is
 * alike by the same rule, so an entity that it does not hold yet is no more and no less alike than afterwards.
 */
export function areAlike(a: JsonObject, b: JsonObject): boolean {
  const facts = new Set(factsOf(a));
  return factsOf(b).some((fact) => facts.has(fact)) || trigramSimilarity(nameOf(a), nameOf(b)) >= MIN_NAME_TRIGRAMS;
}

/** How many of the trigrams of two names both have, 0 to 1: the `similarity` of PostgreSQL's `pg_trgm`. */
export function trigramSimilarity(a: string, b: string): number {
  const [ours, theirs] = [trigramsOf(a), trigramsOf(b)];
  const either = ours.union(theirs).size;
  return either === 0 ? 0 : ours.intersection(theirs).size / either;
}

function trigramsOf(name: string): Set<string> {
  const trigrams = new Set<string>();
  for (const word of wordsOf(fold(name))) {
    const letters = [..."  ", ...word, " "];
    for (let at = 0; at + 3 <= letters.length; at++) trigrams.add(letters.slice(at, at + 3).join(""));
  }
  return trigrams;
}

/** Compares two bodies: the share of all keys (but the name) on which both agree, and how alike the names are. */
export function similarity(a: JsonObject, b: JsonObject): Similarity {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of NO_FACTS) keys.delete(key);
  const shared = [...keys].filter((key) => {
    const value = jsonGet(a, key);
    return value !== undefined && jsonEquals(value, jsonGet(b, key));
  });
  const values = keys.size === 0 ? 0 : shared.length / keys.size;
  const names = nameSimilarity(metersOf(wordsOf(fold(nameOf(a)))), wordsOf(fold(nameOf(b)))).similarity;
  return { score: VALUES_WEIGHT * values + (1 - VALUES_WEIGHT) * names, sharedKeys: shared.sort() };
}

/** The facts of a body that the index compares: `key=value` of its short plain values, folded, and of plain items of its lists. */
export function factsOf(body: JsonObject): string[] {
  const facts = new Set<string>();
  for (const [key, value] of Object.entries(body)) {
    const name = factText(key);
    if (NO_FACTS.has(key) || name === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      const text = factText(item);
      if (text !== undefined && facts.size < MAX_FACTS) facts.add(`${name}=${text}`);
    }
  }
  return [...facts];
}

function factText(value: JsonValue): string | undefined {
  if (value === null || typeof value === "object") return undefined;
  const text = fold(String(value));
  return text.length <= MAX_FACT_LENGTH ? text : undefined;
}
