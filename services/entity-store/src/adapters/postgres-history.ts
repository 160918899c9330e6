import type { Micros } from "@funkygibbon/kernel/clock";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { parseVersion, type VersionId } from "@funkygibbon/kernel/version";
import { int8Array, textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { recordKinds } from "@funkygibbon/wire/graph-types";
import type { HistoryItem, HistoryQuery, HistoryReads } from "../domain/history-reads.ts";
import { VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** Histories from the log. */
export class PostgresHistory implements HistoryReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  history({ household, record, kind, beforeSeq, at, limit, signal }: HistoryQuery): Promise<readonly HistoryItem[]> {
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      async (tx) => {
        const [rows, [head]] = await Promise.all([
          tx.query<VersionRow>(HISTORY, [
            household,
            record,
            recordKinds.toWire(kind),
            beforeSeq ?? null,
            limit,
            at ?? null,
          ]),
          tx.query<{ seq: number }>(HEAD_SEQ, [household, record, at ?? null]),
        ]);
        const versions = rows.map(versionFromRow);
        const firstParents = versions.flatMap((version) => version.parents.slice(0, 1));
        const parents = await readVersions(tx, { household, record, versions: firstParents });
        return versions.map((version) => ({
          version,
          parent: version.parents[0] && parents.get(version.parents[0]),
          isHead: version.seq === head?.seq,
        }));
      },
    );
  }

  createdAt(household: HouseholdId, record: RecordId): Promise<Micros | undefined> {
    return this.#database.inTransaction({ households: [household], readOnly: true }, async (tx) => {
      const [first] = await tx.query<{ committed_us: number }>(CREATED_AT, [household, record]);
      return first?.committed_us;
    });
  }
}

/** The named versions of one record that the log knows. */
export async function readVersions(
  tx: Transaction,
  query: { readonly household: HouseholdId; readonly record: RecordId; readonly versions: readonly VersionId[] },
): Promise<ReadonlyMap<VersionId, RecordVersion>> {
  const wanted = [...new Set(query.versions)].map((version) => parseVersion(version));
  if (wanted.length === 0) return new Map();
  const rows = await tx.query<VersionRow>(VERSIONS, [
    query.household,
    query.record,
    textArray(wanted.map((version) => version.device)),
    int8Array(wanted.map((version) => version.sequence)),
  ]);
  // A sequence names one version; a parent that spells the same sequence otherwise is another one, and unknown.
  const found = new Map(rows.map((row) => [row.version as VersionId, versionFromRow(row)]));
  return new Map([...found].filter(([version]) => query.versions.includes(version)));
}

const HISTORY: Statement = {
  name: "history.versions_of_record",
  text: `
  select ${VERSION_COLUMNS} from record_versions v
  where v.household_id = $1 and v.record_id = $2::uuid and v.kind = $3::smallint
    and ($4::bigint is null or v.seq < $4::bigint) and ($6::bigint is null or v.committed_us <= $6::bigint)
  order by v.seq desc limit $5::bigint`,
};

/** The last accepted version, as in graph-as-of.ts. */
const HEAD_SEQ: Statement = {
  name: "history.head_of_record",
  text: `
  select v.seq from record_versions v
  where v.household_id = $1 and v.record_id = $2::uuid and v.outcome in (1, 2)
    and ($3::bigint is null or v.committed_us <= $3::bigint)
  order by v.seq desc limit 1`,
};

const CREATED_AT: Statement = {
  name: "history.created_at",
  text: `
  select v.committed_us from record_versions v
  where v.household_id = $1 and v.record_id = $2::uuid and v.outcome in (1, 2) order by v.seq limit 1`,
};

const VERSIONS: Statement = {
  name: "history.versions_by_sequence",
  text: `
  select ${VERSION_COLUMNS}
  from unnest($3::text[], $4::bigint[]) w (device, sequence)
  cross join lateral (select * from record_versions v
    where v.household_id = $1 and v.device_id = w.device and v.sequence = w.sequence offset 0) v
  where v.record_id = $2::uuid`,
};
