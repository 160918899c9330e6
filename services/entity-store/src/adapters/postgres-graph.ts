import type { Micros } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import type { GraphDifferencePage, GraphDifferenceQuery, GraphReads, GraphSnapshot } from "../domain/graph-reads.ts";
import { GraphAsOf } from "./graph-as-of.ts";
import { readDifference } from "./graph-difference.ts";
import { GraphNow } from "./graph-now.ts";

/** Reads of the graph, each in one read-only transaction with one snapshot. */
export class PostgresGraph implements GraphReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  difference(query: GraphDifferenceQuery): Promise<GraphDifferencePage> {
    const { household, signal } = query;
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      (tx) => readDifference(tx, query),
    );
  }

  snapshot<T>(
    {
      household,
      at,
      signal,
    }: { readonly household: HouseholdId; readonly at: Micros | undefined; readonly signal?: AbortSignal },
    read: (snapshot: GraphSnapshot) => Promise<T>,
  ): Promise<T> {
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      async (tx) => read(at === undefined ? new GraphNow(tx, household) : await graphAt(tx, household, at)),
    );
  }
}

/** The graph as of a commit time; when nothing was committed since, the graph of now, which is the same and nearer. */
async function graphAt(tx: Transaction, household: HouseholdId, at: Micros): Promise<GraphSnapshot> {
  const [position] = await tx.query<{ seq: number; head_seq: number }>(SEQ_AT, [household, at]);
  if (position !== undefined && position.seq === position.head_seq) return new GraphNow(tx, household);
  return new GraphAsOf(tx, household, position?.seq ?? 0);
}

const SEQ_AT: Statement = {
  name: "graph.seq_at",
  text: `select log_seq_at($1, $2::bigint) as seq, h.head_seq from households h where h.household_id = $1`,
};
