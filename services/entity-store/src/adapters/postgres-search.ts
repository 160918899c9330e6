import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import type { EntityView } from "../domain/graph-reads.ts";
import { transpositions } from "../domain/search-match.ts";
import type { SearchQuery, SearchReads, SimilarityQuery } from "../domain/search-reads.ts";
import { fold, nameOf } from "../domain/search-text.ts";
import { factsOf } from "../domain/similarity.ts";
import { entityNumbers, GraphNow } from "./graph-now.ts";

/** More candidates than answers of each kind: the index ranks them by less than the matcher does. */
const CANDIDATES_PER_ANSWER = 3;
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
    const variants = matcher.words.length === 1 ? matcher.words.flatMap(transpositions) : [];
    const values = [
      matcher.query,
      matcher.query.replaceAll(/[\\%_]/g, "\\$&"),
      tsquery(matcher.words, " & "),
      tsquery(variants, " | "),
      entityNumbers(types),
      limit * CANDIDATES_PER_ANSWER,
    ];
    return this.#read({ household, types, signal }, (tx) => tx.query<{ record_id: string }>(CANDIDATES, values));
  }

  similarCandidates({ household, type, body, limit, signal }: SimilarityQuery): Promise<readonly EntityView[]> {
    const values = [
      entityTypes.toWire(type),
      textArray(factsOf(body)),
      fold(nameOf(body)),
      limit * CANDIDATES_PER_ANSWER,
    ];
    return this.#read({ household, types: [type], signal }, (tx) => tx.query<{ record_id: string }>(SIMILAR, values));
  }

  /** Index, position and heads are of one snapshot, so nothing falls between what the index holds and what it does not. */
  #read(
    scope: { household: HouseholdId; types: readonly EntityType[]; signal: AbortSignal | undefined },
    find: (tx: Transaction) => Promise<{ record_id: string }[]>,
  ): Promise<readonly EntityView[]> {
    const { household, types, signal } = scope;
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      async (tx) => {
        const [indexed, fresh] = await Promise.all([
          find(tx),
          tx.query<{ record_id: string }>(UNPROJECTED, [
            household,
            entityNumbers(types),
            MAX_UNPROJECTED_HEADS,
            MAX_UNPROJECTED,
          ]),
        ]);
        const ids = new Set([...indexed, ...fresh].map((row) => row.record_id as RecordId));
        const found = await new GraphNow(tx, household).entities([...ids]);
        return [...found.values()].filter((entity) => !entity.deleted);
      },
    );
  }
}

/** Words are letters, digits and marks alone, so nothing in them can end the quotes. */
function tsquery(words: readonly string[], operator: " & " | " | "): string {
  return words.map((word) => `'${word}':*`).join(operator);
}

const CANDIDATES: Statement = {
  name: "search.candidates",
  text: "select record_id from search_candidates($1, $2, $3, $4, $5::smallint[], $6::integer)",
};

const SIMILAR: Statement = {
  name: "search.similar_candidates",
  text: "select record_id from similar_candidates($1::smallint, $2::text[], $3, $4::integer)",
};

const UNPROJECTED: Statement = {
  name: "search.unprojected",
  text: "select record_id from unprojected_entities($1, $2::smallint[], $3::bigint, $4::bigint)",
};
