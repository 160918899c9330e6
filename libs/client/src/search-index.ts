import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { type Match, meantWords, QueryMatcher } from "@funkygibbon/kernel/search-match";
import { fold, nameOf, wordsOf } from "@funkygibbon/kernel/search-text";
import type { GraphIndex } from "./graph-index.ts";
import type { Visible } from "./replica-transaction.ts";

/** An entity that answers a search, and how. */
export interface IndexHit {
  readonly id: RecordId;
  readonly match: Match;
}

/** What is searched for. */
export interface IndexOptions {
  /** Default: all. */
  readonly types?: readonly EntityType[];
  /** How many hits the asker can use. */
  readonly enough?: number;
}

/** Letters that a word which is meant may have less, or more before the part that is still to be typed. */
const MAX_LENGTH_DIFFERENCE = 2;

/**
 * Finds what a query means, as the server does: `@funkygibbon/kernel/search-match` decides for both, here it is only found
 * out whom to ask. Names have an index, made when the first question comes; contents are gone through, and only when
 * names do not answer: an index of all words would take more memory than the home.
 */
export class SearchIndex {
  readonly #graph: GraphIndex;
  readonly #holdersByWord = new Map<string, RecordId[]>();

  constructor(graph: GraphIndex) {
    this.#graph = graph;
    for (const visible of graph.allLive()) this.#enter(visible);
    graph.watch((before, now) => {
      if (before !== undefined) this.#withdraw(before);
      if (now !== undefined) this.#enter(now);
    });
  }

  /**
   * What answers the query, in no order. Content counts only when fewer than `enough` names match, and what is merely
   * alike when there are still fewer: both always rank behind the others. Without `enough` all that matches is found, and
   * what is merely alike does not count.
   */
  search(query: string, { types, enough }: IndexOptions = {}): readonly IndexHit[] {
    const matcher = new QueryMatcher(query);
    if (matcher.query === "") return [];
    const hits = new Map<RecordId, Match>();
    const ways = [() => this.#named(matcher), () => this.#saying(matcher)];
    if (enough !== undefined) ways.push(() => this.#alike(matcher));
    for (const candidates of ways) {
      for (const id of candidates()) {
        const match = hits.has(id) ? undefined : this.#match(matcher, id, types);
        if (match !== undefined) hits.set(id, match);
      }
      if (enough !== undefined && hits.size >= enough) break;
    }
    return [...hits].map(([id, match]) => ({ id, match }));
  }

  #match(matcher: QueryMatcher, id: RecordId, types: readonly EntityType[] | undefined): Match | undefined {
    const visible = this.#graph.live(id);
    if (visible === undefined || visible.content.kind !== "entity") return undefined;
    return types === undefined || types.includes(visible.content.type) ? matcher.match(bodyOf(visible)) : undefined;
  }

  /** Those whose name has, for each word of the query, a word that contains it: all that match by name. */
  #named({ words }: QueryMatcher): Iterable<RecordId> {
    return this.#holdingEach(words.map((word) => (known: string) => known.includes(word)));
  }

  /** Those whose body contains each word of the query: all that match by content, and all there are when it is but signs. */
  *#saying({ words }: QueryMatcher): Iterable<RecordId> {
    for (const { record, content } of this.#graph.allLive()) {
      if (content.kind !== "entity") continue;
      const said = fold(content.bodyJson);
      if (words.every((word) => said.includes(word))) yield record;
    }
  }

  /** Those whose name has, for each word of the query, one that may have been meant. */
  #alike({ words }: QueryMatcher): Iterable<RecordId> {
    const known = [...this.#holdersByWord.keys()];
    return this.#holdingEach(
      words.map((word) => {
        const meant = new Set(
          meantWords(
            word,
            known.filter((one) => mayBeMeant(word, one)),
          ).all,
        );
        return (one: string) => meant.has(one);
      }),
    );
  }

  /** Those whose name has a wanted word of each kind: the holders of the rarest kind, as far as they hold the others too. */
  #holdingEach(wanted: readonly ((word: string) => boolean)[]): Iterable<RecordId> {
    const kinds = wanted.map((isWanted) => {
      const lists: RecordId[][] = [];
      for (const [word, ids] of this.#holdersByWord) if (isWanted(word)) lists.push(ids);
      return { isWanted, lists, size: lists.reduce((sum, ids) => sum + ids.length, 0) };
    });
    const [rarest, ...others] = kinds.sort((a, b) => a.size - b.size);
    const found = new Set(rarest?.lists.flat());
    for (const id of found) {
      const visible = this.#graph.live(id);
      const words = visible === undefined ? [] : nameWordsOf(visible);
      if (!others.every(({ isWanted }) => words.some(isWanted))) found.delete(id);
    }
    return found;
  }

  #enter(visible: Visible): void {
    for (const word of nameWordsOf(visible)) {
      const ids = this.#holdersByWord.get(word);
      if (ids === undefined) this.#holdersByWord.set(word, [visible.record]);
      else ids.push(visible.record);
    }
  }

  #withdraw(visible: Visible): void {
    for (const word of nameWordsOf(visible)) {
      const ids = this.#holdersByWord.get(word) ?? [];
      const at = ids.indexOf(visible.record);
      if (at >= 0) ids.splice(at, 1);
      if (ids.length === 0) this.#holdersByWord.delete(word);
    }
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

/** The words of an entity's name; an edge and a tombstone have none. */
function nameWordsOf(visible: Visible): readonly string[] {
  const isNamed = visible.content.kind === "entity" && !visible.deleted;
  return isNamed ? wordsOf(fold(nameOf(bodyOf(visible)))) : [];
}

/** Parsed for the moment: kept, the bodies of a whole home would take several times the memory of their texts. */
function bodyOf({ content }: Visible): JsonObject {
  return JSON.parse(content.bodyJson) as JsonObject;
}
