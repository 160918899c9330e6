import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { type Match, MIN_WORD_LIKENESS, QueryMatcher, searchable } from "@funkygibbon/kernel/search-match";
import { nameOf, textsOf } from "@funkygibbon/kernel/search-text";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import { BestHits } from "./best-hits.ts";
import type { GraphIndex } from "./graph-index.ts";
import type { TextsFound } from "./name-words.ts";
import { NumberLists } from "./number-lists.ts";
import { bodyOf } from "./replica-record.ts";
import type { Visible } from "./replica-transaction.ts";
import { TextPool } from "./text-pool.ts";

/** An entity that answers a search, and how. */
export interface IndexHit {
  readonly id: RecordId;
  readonly match: Match;
}

/** What is wanted of a search. */
export interface IndexOptions {
  /** Default: all. */
  readonly types?: readonly EntityType[] | undefined;
  readonly limit: number;
}

/** Readings of what has changed since may be as many as there are entities, and these, before all is read anew. */
const SPARE_READINGS = 10_000;

/** What one entity says, as numbers of texts. */
interface Saying {
  readonly id: RecordId;
  readonly type: EntityType;
  /** As it is written. */
  readonly name: string;
  readonly nameText: number;
  /** Where the list of its name's words is. */
  readonly nameWords: number;
  /** Where the list of its texts is, in reading order, the name's among them. */
  readonly texts: number;
}

/** What has been read of the home. */
class Readings {
  readonly texts = new TextPool();
  readonly lists = new NumberLists();
  /** One of each entity, in no order. */
  readonly sayings: Saying[] = [];
  readonly #placeOf = new Map<RecordId, number>();
  /** How often one was given a place: what was read before is still held. */
  count = 0;
  readonly unread: Set<RecordId>;

  constructor(unread: Iterable<RecordId>) {
    this.unread = new Set(unread);
  }

  read(id: RecordId, visible: Visible | undefined): void {
    if (visible?.content.kind !== "entity") {
      this.#forget(id);
      return;
    }
    // Parsed for the moment: kept, the bodies of a whole home would take several times the memory of their texts.
    const body = bodyOf(visible);
    const name = nameOf(body);
    const asSearched = searchable(name);
    const { text: nameText, words: nameWords } = this.texts.enterName(asSearched);
    const said = textsOf(body).map(searchable);
    const texts = said.map((text) => (text === asSearched ? nameText : this.texts.numberOf(text)));
    const list = this.lists.add(texts);
    this.#settle({ id, type: visible.content.type, name, nameText, nameWords, texts: list }, this.#placeOf.get(id));
  }

  /** The last one takes its place. */
  #forget(id: RecordId): void {
    const place = this.#placeOf.get(id);
    const last = this.sayings.at(-1);
    if (place === undefined || last === undefined) return;
    this.#settle(last, place);
    this.sayings.pop();
    this.#placeOf.delete(id);
  }

  /** Where one was before, it is still among the sayers of its texts: whoever asks them looks whether they say it. */
  #settle(saying: Saying, place = this.sayings.length): void {
    this.sayings[place] = saying;
    this.#placeOf.set(saying.id, place);
    const { values } = this.lists;
    const end = saying.texts + (values[saying.texts] ?? 0);
    for (let at = saying.texts + 1; at <= end; at++) this.texts.sayers.add(values[at] ?? 0, place);
    this.count += 1;
  }
}

/** A way to match a query. */
interface Way {
  /** Every entity that matches says one of these texts. Undefined: any may. */
  readonly among: TextsFound | undefined;
  /** The score of an entity; undefined: it does not match in this way. */
  readonly scoreOf: (saying: Saying) => number | undefined;
}

/** Candidates for which it costs more to ask for them one by one than to go through all, as a share of all. */
const MANY = 0.25;

/**
 * Finds what a query means, as the server does: `@funkygibbon/kernel/search-match` decides for both. Here each different
 * text of the home is looked at once, however many records say it, and an entity is but the numbers of its texts. Only
 * those are looked at that say the rarest word of the query, and only what is shown is matched in full.
 *
 * The home is read when it is first asked, or before that piece by piece with {@link readOn}; changes when it is asked next.
 */
export class SearchIndex {
  readonly #graph: GraphIndex;
  #read: Readings;

  constructor(graph: GraphIndex) {
    this.#graph = graph;
    this.#read = new Readings(graph.entities());
    graph.watch((before, now) => {
      const changed = now ?? before;
      if (changed?.content.kind === "entity") this.#read.unread.add(changed.record);
    });
  }

  /** Reads what has not been read, for about so many milliseconds. @returns whether nothing is left. */
  readOn(ms: number): boolean {
    const { count, sayings } = this.#read;
    if (count > 2 * sayings.length + SPARE_READINGS) this.#read = new Readings(this.#graph.entities());
    const { unread } = this.#read;
    const untilMs = performance.now() + ms;
    for (const id of unread) {
      this.#read.read(id, this.#graph.glance(id));
      unread.delete(id);
      if (performance.now() >= untilMs) break;
    }
    return unread.size === 0;
  }

  /**
   * What answers a query, best first, equal scores by name and id. Content counts only when fewer than `limit` names
   * match, and what is merely alike when there are still fewer: both always rank behind the others.
   */
  search(query: string, { types, limit }: IndexOptions): readonly IndexHit[] {
    const matcher = new QueryMatcher(query);
    const best = new BestHits(limit, byName);
    const { sayings } = this.#readAll();
    const isHit = new Uint8Array(sayings.length);
    for (const waysOf of [this.#naming, this.#saying, this.#alike]) {
      const way = waysOf.call(this, matcher);
      for (const place of this.#places(way)) {
        const saying = sayings[place];
        if (saying === undefined || isHit[place] === 1 || types?.includes(saying.type) === false) continue;
        const score = way?.scoreOf(saying);
        if (score === undefined) continue;
        isHit[place] = 1;
        best.offer(saying, score);
      }
      if (best.count >= limit) break;
    }
    return best.hits.map(({ id }) => {
      const body = bodyOf(must(this.#graph.live(id), "everything was read"));
      return { id, match: must(matcher.match(body), "scores are the matcher's own") };
    });
  }

  /** All whose name or content answers a query. */
  answering(query: string): ReadonlySet<RecordId> {
    const matcher = new QueryMatcher(query);
    const { sayings } = this.#readAll();
    const answering = new Set<RecordId>();
    for (const way of [this.#naming(matcher), this.#saying(matcher)]) {
      for (const place of this.#places(way)) {
        const saying = sayings[place];
        if (saying !== undefined && way?.scoreOf(saying) !== undefined) answering.add(saying.id);
      }
    }
    return answering;
  }

  #naming(matcher: QueryMatcher): Way | undefined {
    if (matcher.query === "") return undefined;
    const { texts } = this.#read;
    return {
      among: texts.namesWith(matcher.words),
      scoreOf: ({ nameText }) => matcher.rankName(texts.at(nameText))?.score,
    };
  }

  #saying(matcher: QueryMatcher): Way | undefined {
    const { texts, lists } = this.#read;
    const beginnings = matcher.words.length === 0 ? undefined : texts.beginningsOf(matcher.words);
    if (beginnings === undefined) return undefined;
    const { masks, maskOfName, among } = beginnings;
    const { values } = lists;
    const all = 2 ** matcher.words.length - 1;
    const scores = new Map<number, number>();
    const scoreOf = (saying: Saying) => {
      let found = 0;
      let first = -1;
      const end = saying.texts + (values[saying.texts] ?? 0);
      for (let at = saying.texts + 1; at <= end && found !== all; at++) {
        const text = values[at] ?? 0;
        const mask = (masks[text] ?? 0) | (text === saying.nameText ? maskOfName(saying.nameWords) : 0);
        if (mask !== 0 && first < 0) first = text;
        found |= mask;
      }
      if (found !== all) return undefined;
      let score = scores.get(first);
      if (score === undefined) {
        score = matcher.scoreContent(texts.at(first));
        scores.set(first, score);
      }
      return score;
    };
    return { among, scoreOf };
  }

  #alike(matcher: QueryMatcher): Way | undefined {
    if (matcher.words.length === 0) return undefined;
    const { among, likenessOf } = this.#read.texts.names.alike(matcher.meters, MIN_WORD_LIKENESS);
    const scoreOf = ({ nameWords }: Saying) => {
      const nearest = likenessOf(nameWords);
      return nearest === undefined ? undefined : matcher.scoreNearly(nearest.likeness, nearest.words);
    };
    return { among, scoreOf };
  }

  /** The places of all that may match in a way, some of them twice, and of others. */
  #places(way: Way | undefined): Iterable<number> {
    if (way === undefined) return [];
    const { sayings, texts } = this.#read;
    const most = MANY * sayings.length;
    if (way.among === undefined || way.among.times > most) return sayings.keys();
    const places: number[] = [];
    for (const place of texts.sayers.valuesOf(way.among.texts)) {
      // Many may have the same name.
      if (places.push(place) > most) return sayings.keys();
    }
    return places;
  }

  #readAll(): Readings {
    this.readOn(Number.POSITIVE_INFINITY);
    return this.#read;
  }
}

function byName(a: Saying, b: Saying): number {
  return compareUtf8(a.name, b.name) || compareUtf8(a.id, b.id);
}
