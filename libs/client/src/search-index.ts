import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { type Match, meantWords, QueryMatcher } from "@funkygibbon/kernel/search-match";
import { fold, nameOf, textsOf, wordsOf } from "@funkygibbon/kernel/search-text";

/** An entity that answers a search, and how. */
export interface IndexHit {
  readonly id: RecordId;
  readonly match: Match;
}

interface IndexedWords {
  readonly all: readonly string[];
  readonly ofName: readonly string[];
}

/** Reads bodies for the index. */
export type BodyReader = (id: RecordId) => JsonObject | undefined;

/** Letters that a word which is meant may have less, or more before the part that is still to be typed. */
const MAX_LENGTH_DIFFERENCE = 2;

/**
 * Finds what a query means, as the server does (`@funkygibbon/kernel/search-match` decides for both); the index only
 * proposes. It is made when the first question comes, from all entities, and then kept record by record.
 */
export class SearchIndex {
  readonly #read: BodyReader;
  readonly #words = new Map<RecordId, IndexedWords>();
  readonly #holders = new Map<string, Set<RecordId>>();
  readonly #nameHolders = new Map<string, Set<RecordId>>();

  constructor(read: BodyReader) {
    this.#read = read;
  }

  /** Reads the entity anew; forgets it when there is none any more. */
  refresh(id: RecordId): void {
    const before = this.#words.get(id);
    for (const word of before?.all ?? []) withdraw(this.#holders, word, id);
    for (const word of before?.ofName ?? []) withdraw(this.#nameHolders, word, id);
    const body = this.#read(id);
    if (body === undefined) {
      this.#words.delete(id);
      return;
    }
    const words = { all: wordsOf(fold(textsOf(body).join("\n"))), ofName: wordsOf(fold(nameOf(body))) };
    this.#words.set(id, words);
    for (const word of words.all) enter(this.#holders, word, id);
    for (const word of words.ofName) enter(this.#nameHolders, word, id);
  }

  /** What answers the query, in no order. Words that are merely alike count only when there are fewer than `enough` better hits. */
  search(query: string, enough: number): readonly IndexHit[] {
    const matcher = new QueryMatcher(query);
    if (matcher.query === "") return [];
    const hits = this.#matching(matcher, this.#containing(matcher));
    if (hits.length >= enough || matcher.words.length === 0) return hits;
    const found = new Set(hits.map(({ id }) => id));
    const alike = [...this.#alike(matcher)].filter((id) => !found.has(id));
    return [...hits, ...this.#matching(matcher, alike)];
  }

  #matching(matcher: QueryMatcher, candidates: Iterable<RecordId>): IndexHit[] {
    const hits: IndexHit[] = [];
    for (const id of candidates) {
      const match = matcher.match(this.#read(id) ?? {});
      if (match !== undefined) hits.push({ id, match });
    }
    return hits;
  }

  /** Those of which, for each word of the query, some word contains it: all that match it in name or content. */
  #containing({ words }: QueryMatcher): Iterable<RecordId> {
    // Signs alone: only names could hold them, and there is no word to go by.
    if (words.length === 0) return this.#words.keys();
    return inAll(words.map((word) => holdersOf(this.#holders, (known) => known.includes(word))));
  }

  /** Those of which, for each word of the query, some word of the name may have been meant. */
  #alike({ words }: QueryMatcher): Iterable<RecordId> {
    return inAll(
      words.map((word) => {
        const near = [...this.#nameHolders.keys()].filter((known) => mayBeMeant(word, known));
        const meant = new Set(meantWords(word, near).all);
        return holdersOf(this.#nameHolders, (known) => meant.has(known));
      }),
    );
  }
}

/** Cheap to say of each of many thousand words, and true of every word that is nearly the same or begins nearly so. */
function mayBeMeant(word: string, known: string): boolean {
  if (known.length < word.length - MAX_LENGTH_DIFFERENCE) return false;
  const begun = known.slice(0, word.length + MAX_LENGTH_DIFFERENCE);
  let shared = 0;
  for (const letter of word) if (begun.includes(letter)) shared += 1;
  return shared * 2 >= word.length;
}

function holdersOf(
  holders: ReadonlyMap<string, ReadonlySet<RecordId>>,
  wanted: (word: string) => boolean,
): Set<RecordId> {
  const found = new Set<RecordId>();
  for (const [word, ids] of holders) if (wanted(word)) for (const id of ids) found.add(id);
  return found;
}

function inAll([first = new Set(), ...others]: readonly Set<RecordId>[]): Set<RecordId> {
  return others.reduce((ids, other) => ids.intersection(other), first);
}

function enter(holders: Map<string, Set<RecordId>>, word: string, id: RecordId): void {
  const ids = holders.get(word);
  if (ids === undefined) holders.set(word, new Set([id]));
  else ids.add(id);
}

function withdraw(holders: Map<string, Set<RecordId>>, word: string, id: RecordId): void {
  const ids = holders.get(word);
  ids?.delete(id);
  if (ids?.size === 0) holders.delete(word);
}
