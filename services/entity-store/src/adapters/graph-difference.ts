import type { UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { int8Array } from "@funkygibbon/postgres/binary-array";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import type {
  DifferencePosition,
  GraphDifferencePage,
  GraphDifferenceQuery,
  RecordDifference,
} from "../domain/graph-reads.ts";
import { differingKeys } from "../domain/history.ts";
import { entityViewOf, relationshipViewOf } from "./record-view-row.ts";
import { ENTITY_KIND, VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** A page has at most so much body, and at least one difference. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** A page of what differs between two times. */
export async function readDifference(tx: Transaction, query: GraphDifferenceQuery): Promise<GraphDifferencePage> {
  const from = query.after ?? (await startOf(tx, query));
  const { sinceSeq, untilSeq } = from;
  const found = await tx.query<PairRow>(PAIRS, [query.household, sinceSeq, untilSeq, from.seq, query.limit + 1]);
  const kept = fitting(found.slice(0, query.limit));
  const versions = await readVersions(tx, query, kept);
  const last = kept.at(-1);
  return {
    differences: kept.map((pair) => differenceOf(pair, versions)),
    next: last === undefined || kept.length === found.length ? undefined : { sinceSeq, untilSeq, seq: last.after_seq },
  };
}

async function startOf(tx: Transaction, query: GraphDifferenceQuery): Promise<DifferencePosition> {
  const { household, since, until } = query;
  const [row] = await tx.query<{ since_seq: number; until_seq: number }>(SPAN, [household, since, until ?? null]);
  const sinceSeq = row?.since_seq ?? 0;
  return { sinceSeq, untilSeq: row?.until_seq ?? 0, seq: sinceSeq };
}

/** The versions that counted for a record at both times. */
interface PairRow {
  readonly after_seq: number;
  readonly after_deleted: boolean;
  readonly after_author: string;
  readonly after_us: number;
  /** Null when there was none, or a tombstone. */
  readonly before_seq: number | null;
  readonly bytes: number;
}

interface DifferenceRow extends VersionRow {
  readonly created_us: number;
  readonly sort_name: string;
}

function fitting(pairs: readonly PairRow[]): readonly PairRow[] {
  let bytes = 0;
  const tooMany = pairs.findIndex((pair, index) => {
    bytes += pair.bytes;
    return index > 0 && bytes > MAX_PAGE_BYTES;
  });
  return tooMany === -1 ? pairs : pairs.slice(0, tooMany);
}

async function readVersions(
  tx: Transaction,
  { household }: GraphDifferenceQuery,
  pairs: readonly PairRow[],
): Promise<ReadonlyMap<number, DifferenceRow>> {
  const seqs = pairs.flatMap((pair) => [
    ...(pair.after_deleted ? [] : [pair.after_seq]),
    ...(pair.before_seq === null ? [] : [pair.before_seq]),
  ]);
  if (seqs.length === 0) return new Map();
  const rows = await tx.query<DifferenceRow>(VERSIONS, [household, int8Array(seqs)]);
  return new Map(rows.map((row) => [row.seq, row]));
}

function differenceOf(pair: PairRow, versions: ReadonlyMap<number, DifferenceRow>): RecordDifference {
  const row = (seq: number) => must(versions.get(seq), "one snapshot has every version that it names");
  const after = pair.after_deleted ? undefined : row(pair.after_seq);
  const before = pair.before_seq === null ? undefined : row(pair.before_seq);
  const both = after !== undefined && before !== undefined;
  return {
    before: before && viewOf(before),
    after: after && viewOf(after),
    changedKeys: both ? differingKeys(versionFromRow(after), versionFromRow(before)) : [],
    author: pair.after_author as UserId,
    committedUs: pair.after_us,
  };
}

function viewOf(row: DifferenceRow) {
  return row.kind === ENTITY_KIND ? entityViewOf(row) : relationshipViewOf(row);
}

const SPAN: Statement = {
  name: "graph_difference.span",
  text: `
  select log_seq_at($1, $2::bigint) as since_seq,
    case when $3::bigint is null then h.head_seq else log_seq_at($1, $3::bigint) end as until_seq
  from households h where h.household_id = $1`,
};

// APPLIED and MERGED are the outcomes with which a version becomes head. The log is walked from the last page's end; of
// each record only the last accepted version up to the later time is taken, so a page costs what it shows and what was
// overwritten in between.
const PAIRS: Statement = {
  name: "graph_difference.pairs",
  text: `
  select v.seq as after_seq, v.deleted as after_deleted, v.author as after_author, v.committed_us as after_us,
    b.seq as before_seq,
    (coalesce(octet_length(v.body), 0) + coalesce(b.bytes, 0))::bigint as bytes
  from record_versions v
  left join lateral (
    select p.seq, p.content_hash, octet_length(p.body) as bytes
    from (
      select p.* from record_versions p
      where p.household_id = $1 and p.record_id = v.record_id and p.seq <= $2::bigint and p.outcome in (1, 2)
      order by p.seq desc limit 1
    ) p
    where not p.deleted
  ) b on true
  where v.household_id = $1 and v.seq > $4::bigint and v.seq <= $3::bigint and v.outcome in (1, 2)
    and not exists (
      select from record_versions l
      where l.household_id = $1 and l.record_id = v.record_id and l.seq > v.seq and l.seq <= $3::bigint
        and l.outcome in (1, 2)
    )
    and case when v.deleted then b.seq is not null else b.content_hash is distinct from v.content_hash end
  order by v.seq limit $5::bigint`,
};

const VERSIONS: Statement = {
  name: "graph_difference.versions",
  text: `
  select ${VERSION_COLUMNS}, '' as sort_name, v.created_us
  from record_versions v where v.household_id = $1 and v.seq = any ($2::bigint[])`,
};
