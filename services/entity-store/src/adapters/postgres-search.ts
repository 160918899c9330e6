import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { type MeantWords, meantWords, type QueryMatcher, transpositions } from "@funkygibbon/kernel/search-match";
import { fold, nameOf } from "@funkygibbon/kernel/search-text";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import type { EntityView } from "../domain/graph-reads.ts";
import type { SearchQuery, SearchReads, SimilarityQuery } from "../domain/search-reads.ts";
import { factsOf } from "../domain/similarity.ts";
import { GraphNow } from "./graph-now.ts";
import { entityNumbers } from "./graph-parameters.ts";
import { NAME_SIGN } from "./search-projection.ts";

/** More candidates than answers of each kind: the index ranks them by less than the matcher does. */
const CANDIDATES_PER_ANSWER = 3;
/** Words of a query that propose names resembling it, and words of names that each of them is compared with. */
const MAX_TELLING_WORDS = 8;
const MAX_SIMILAR_WORDS = 50;
/** Heads that are looked at because the index may not hold them yet, newest first, and how many of them may be entities. */
const MAX_UNPROJECTED_HEADS = 20_000;
const MAX_UNPROJECTED = 5_000;

/** Search over the index that the projector keeps, and over what it has not reached yet. */
export class PostgresSearch implements SearchReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  candidates({ household, matcher, types, limit, signal }: SearchQuery): Promise<readonly EntityView[]> {
    if (matcher.query === "") return Promise.resolve([]);
    const most = limit * CANDIDATES_PER_ANSWER;
    const pattern = matcher.query.replaceAll(/[\\%_]/g, "\\$&");
    const begun = matcher.words.map((word) => `'${word}':*`).join(" & ");
    return this.#read({ household, types, signal }, async (tx) => {
      const values = [matcher.query, pattern, begun, entityNumbers(types), most];
      const found = await tx.query<Candidate>(CANDIDATES, values);
      // A name that only resembles the query is no better than what was found.
      if (new Set(found.map((row) => row.record_id)).size >= most) return found;
      const words = await meantByEach(tx, matcher);
      if (words.some(({ all }) => all.length === 0)) return found;
      const nearly = [namesWith(words.map(({ all }) => all)), namesWith(words.map(({ likeliest }) => likeliest))];
      return [...found, ...(await tx.query<Candidate>(NAMED, [...nearly, entityNumbers(types), most]))];
    });
  }

  similarCandidates({ household, type, body, limit, signal }: SimilarityQuery): Promise<readonly EntityView[]> {
    const values = [
      entityTypes.toWire(type),
      textArray(factsOf(body)),
      fold(nameOf(body)),
      limit * CANDIDATES_PER_ANSWER,
    ];
    return this.#read({ household, types: [type], signal }, (tx) => tx.query<Candidate>(SIMILAR, values));
  }

  /** Index, position and heads are of one snapshot, so nothing falls between what the index holds and what it does not. */
  #read(
    scope: { household: HouseholdId; types: readonly EntityType[]; signal: AbortSignal | undefined },
    find: (tx: Transaction) => Promise<Candidate[]>,
  ): Promise<readonly EntityView[]> {
    const { household, types, signal } = scope;
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      async (tx) => {
        const [indexed, fresh] = await Promise.all([
          find(tx),
          tx.query<Candidate>(UNPROJECTED, [household, entityNumbers(types), MAX_UNPROJECTED_HEADS, MAX_UNPROJECTED]),
        ]);
        const ids = new Set([...indexed, ...fresh].map((row) => row.record_id as RecordId));
        const found = await new GraphNow(tx, household).entities([...ids]);
        return [...found.values()].filter((entity) => !entity.deleted);
      },
    );
  }
}

interface Candidate {
  readonly record_id: string;
}

/** What each word of a query may mean of the words that names have; none when the query has no words. */
async function meantByEach(tx: Transaction, { words }: QueryMatcher): Promise<MeantWords[]> {
  // The others are left to the matcher.
  const telling = words.toSorted((a, b) => b.length - a.length).slice(0, MAX_TELLING_WORDS);
  if (telling.length === 0) return [{ all: [], likeliest: [] }];
  const variants = telling.flatMap((meant) => transpositions(meant).map((variant) => ({ meant, variant })));
  const rows = await tx.query<{ meant: string; word: string }>(SIMILAR_WORDS, [
    textArray(telling),
    textArray(variants.map(({ meant }) => meant)),
    textArray(variants.map(({ variant }) => variant)),
    MAX_SIMILAR_WORDS,
  ]);
  const proposed = Map.groupBy(rows, (row) => row.meant);
  return telling.map((word) =>
    meantWords(
      word,
      (proposed.get(word) ?? []).map((row) => row.word),
    ),
  );
}

/** Asks for names that have one word of each list. Words are letters, digits and marks alone, so none can end the quotes. */
function namesWith(words: readonly (readonly string[])[]): string {
  return words.map((meant) => `(${meant.map((word) => `'${NAME_SIGN}${word}'`).join(" | ")})`).join(" & ");
}

const CANDIDATES: Statement = {
  name: "search.candidates",
  text: "select record_id from search_candidates($1, $2, $3, $4::smallint[], $5::integer)",
};

const SIMILAR_WORDS: Statement = {
  name: "search.similar_words",
  text: "select meant, word from similar_words($1::text[], $2::text[], $3::text[], $4::integer)",
};

const NAMED: Statement = {
  name: "search.named_candidates",
  text: "select record_id from named_candidates($1, $2, $3::smallint[], $4::integer)",
};

const SIMILAR: Statement = {
  name: "search.similar_candidates",
  text: "select record_id from similar_candidates($1::smallint, $2::text[], $3, $4::integer)",
};

const UNPROJECTED: Statement = {
  name: "search.unprojected",
  text: "select record_id from unprojected_entities($1, $2::smallint[], $3::bigint, $4::bigint)",
};
