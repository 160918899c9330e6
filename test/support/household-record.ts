import type { TestDatabase } from "./test-database.ts";

/** Everything the store keeps of a household, in a form that two readings compare by `toEqual`. */
export interface HouseholdRecord {
  /** Undefined while the household has no row. */
  readonly standing: { readonly epoch: string; readonly headSeq: number; readonly digest: string } | undefined;
  /** Every version, by seq: `<seq> <outcome> <record> <version>`. */
  readonly versions: readonly string[];
  readonly heads: readonly string[];
  readonly conflicts: readonly string[];
}

/** Reads it behind everybody's back, as the superuser: what is not here was not stored. */
export async function readHousehold(database: TestDatabase, household: string): Promise<HouseholdRecord> {
  const lines = async (text: string) => {
    const rows = await database.sql<{ line: string }>(text, [household]);
    return rows.map(({ line }) => line);
  };
  const [standing] = await database.sql<{ epoch: string; headSeq: number; digest: string }>(
    `SELECT epoch, head_seq::int AS "headSeq", digest::text AS digest FROM households WHERE household_id = $1`,
    [household],
  );
  return {
    standing,
    versions: await lines(
      `SELECT concat_ws(' ', seq, outcome, record_id, version) AS line
         FROM record_versions WHERE household_id = $1 ORDER BY seq`,
    ),
    heads: await lines(
      `SELECT concat_ws(' ', seq, record_id, version, deleted) AS line
         FROM heads WHERE household_id = $1 ORDER BY record_id`,
    ),
    conflicts: await lines(
      `SELECT concat_ws(' ', conflict_id, revision) AS line FROM conflicts WHERE household_id = $1 ORDER BY conflict_id`,
    ),
  };
}

/** I4: the seqs of a household's versions are 1, 2, 3 … to the head's. */
export async function seqsOf(database: TestDatabase, household: string): Promise<number[]> {
  const rows = await database.sql<{ seq: number }>(
    "SELECT seq::int AS seq FROM record_versions WHERE household_id = $1 ORDER BY seq",
    [household],
  );
  return rows.map(({ seq }) => seq);
}
