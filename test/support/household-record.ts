import { must } from "@funkygibbon/kernel/must";
import type { TestDatabase } from "./test-database.ts";

/** Everything the store keeps of a household, in a form that two readings compare by `toEqual`. */
export interface HouseholdRecord {
  /** Null while the household has no row. */
  readonly standing: { readonly epoch: string; readonly headSeq: number; readonly digest: string } | null;
  /** Every version, by seq: `<seq> <outcome> <record> <version>`. */
  readonly versions: readonly string[];
  readonly heads: readonly string[];
  readonly conflicts: readonly string[];
}

/** Reads it behind everybody's back, as the superuser and in one snapshot: what is not here was not stored. */
export async function readHousehold(database: TestDatabase, household: string): Promise<HouseholdRecord> {
  const rows = await database.sql<HouseholdRecord>(
    `SELECT (SELECT json_build_object('epoch', epoch, 'headSeq', head_seq, 'digest', digest::text)
               FROM households WHERE household_id = $1) AS standing,
            (SELECT coalesce(json_agg(concat_ws(' ', seq, outcome, record_id, version) ORDER BY seq), '[]')
               FROM record_versions WHERE household_id = $1) AS versions,
            (SELECT coalesce(json_agg(concat_ws(' ', seq, record_id, version, deleted) ORDER BY seq), '[]')
               FROM heads WHERE household_id = $1) AS heads,
            (SELECT coalesce(json_agg(concat_ws(' ', conflict_id, revision) ORDER BY conflict_id), '[]')
               FROM conflicts WHERE household_id = $1) AS conflicts`,
    [household],
  );
  return must(rows[0], "a SELECT without FROM has one row");
}

/** I4: the seqs of a household's versions are 1, 2, 3 … to the head's. */
export async function seqsOf(database: TestDatabase, household: string): Promise<number[]> {
  const rows = await database.sql<{ seq: number }>(
    "SELECT seq::int AS seq FROM record_versions WHERE household_id = $1 ORDER BY seq",
    [household],
  );
  return rows.map(({ seq }) => seq);
}
