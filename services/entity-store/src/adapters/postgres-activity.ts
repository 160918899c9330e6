import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { VersionId } from "@funkygibbon/kernel/version";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import {
  type ActivityQuery,
  type ActivityReads,
  MAX_CHANGES_TOLD,
  type RecordedCall,
  type RecordedChange,
} from "../domain/activity-reads.ts";
import { readDecisions } from "./read-decisions.ts";
import { contentFromRow, originFromRow, type VersionRow } from "./version-row.ts";

/** The calls that the log's versions came from. */
export class PostgresActivity implements ActivityReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  calls(query: ActivityQuery): Promise<readonly RecordedCall[]> {
    const { household, signal } = query;
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      async (tx) => {
        const [calls, decisions] = await Promise.all([firstVersions(tx, query), readDecisions(tx, query)]);
        const rows = calls.length === 0 ? [] : await changesOf(tx, query, calls);
        const told = Map.groupBy(rows, (row) => row.call);
        const written = calls.map((call, index) => toCall(call, told.get(index + 1) ?? []));
        return merged(written, decisions).slice(0, query.limit);
      },
    );
  }
}

/** Newest first: both lists are, and a decision is newer than the version of its seq. */
function merged(written: readonly RecordedCall[], decisions: readonly RecordedCall[]): readonly RecordedCall[] {
  return [...decisions, ...written].sort((a, b) => b.position.seq - a.position.seq);
}

/** Later than every seq and every time. */
const NO_END = Number.MAX_SAFE_INTEGER;

/** The first version of a call, and how many it has. */
interface CallRow extends OriginColumns {
  readonly seq: number;
  readonly author: string;
  readonly committed_us: number;
  readonly versions: number;
}

interface ChangeRow extends Pick<VersionRow, "kind" | "type" | "from_id" | "to_id"> {
  /** Which call of the page: 1, 2, …. */
  readonly call: number;
  readonly record_id: string;
  readonly name: string;
  readonly deleted: boolean;
  readonly version: string;
  readonly author: string;
  readonly version_before: string | null;
  readonly deleted_before: boolean | null;
}

type OriginColumns = Pick<VersionRow, "origin_channel" | "origin_client" | "origin_tool" | "origin_call">;

async function firstVersions(tx: Transaction, query: ActivityQuery): Promise<CallRow[]> {
  const { household, author, channel, limit, call, record } = query;
  const { afterSeq, beforeSeq } = await spanOf(tx, query);
  const values = [household, afterSeq, beforeSeq, author ?? null, channel ?? null, limit] as const;
  if (call === undefined && record === undefined) return tx.query<CallRow>(LATEST_CALLS, values);
  return tx.query<CallRow>(NAMED_CALLS, [...values, call ?? null, record ?? null]);
}

/** Between which seqs the first versions of the wanted calls stand. Plain numbers: of anything more the planner makes no bound of the walk. */
async function spanOf(tx: Transaction, { household, since, until, before }: ActivityQuery) {
  // A decision stands after the version of its seq, which is still to be told.
  const beforeSeq = before === undefined ? NO_END : before.seq + (before.decision === undefined ? 0 : 1);
  if (since === undefined && until === undefined) return { afterSeq: 0, beforeSeq };
  const [row] = await tx.query<{ since_seq: number; until_seq: number }>(SPAN, [
    household,
    since ?? 0,
    until ?? NO_END,
  ]);
  return { afterSeq: row?.since_seq ?? 0, beforeSeq: Math.min(beforeSeq, (row?.until_seq ?? 0) + 1) };
}

function changesOf(tx: Transaction, { household }: ActivityQuery, calls: readonly CallRow[]): Promise<ChangeRow[]> {
  return tx.query<ChangeRow>(CHANGES, [
    household,
    textArray(calls.map((call) => must(call.origin_channel, "a call came in through a door"))),
    textArray(calls.map((call) => must(call.origin_call, "a call has an id"))),
    MAX_CHANGES_TOLD,
  ]);
}

function toCall(call: CallRow, changes: readonly ChangeRow[]): RecordedCall {
  return {
    origin: must(originFromRow(call), "a call came in through a door"),
    author: call.author as UserId,
    position: { seq: call.seq, decision: undefined },
    kept: undefined,
    committedUs: call.committed_us,
    changes: changes.map(toChange),
    changeCount: call.versions,
  };
}

function toChange(row: ChangeRow): RecordedChange {
  return {
    record: row.record_id as RecordId,
    content: contentFromRow(row, null),
    name: row.name,
    deleted: row.deleted,
    version: row.version as VersionId,
    author: row.author as UserId,
    before:
      row.version_before === null
        ? undefined
        : { version: row.version_before as VersionId, deleted: row.deleted_before === true },
  };
}

const SPAN: Statement = {
  name: "activity.span",
  text: "select log_seq_at($1, $2::bigint) as since_seq, log_seq_at($1, $3::bigint) as until_seq",
};

/**
 * The first versions of calls, of which a page is made: seq is a call's place in the list, and the writer its user. That it
 * is the first is asked of each version by itself: as a join, the planner would sort all calls of the household.
 */
const firstVersionsAmong = (versions: string) => `
  select v.seq, v.author, v.committed_us, v.origin_channel, v.origin_client, v.origin_tool, v.origin_call,
    (
      select count(*) from record_versions c
      where c.household_id = $1 and c.origin_call = v.origin_call and c.origin_channel = v.origin_channel
    )::bigint as versions
  from ${versions} and v.seq > $2::bigint and v.seq < $3::bigint
    and ($4::text is null or v.author = $4::text) and ($5::text is null or v.origin_channel = $5::text)
    and v.seq = (
      select e.seq from record_versions e
      where e.household_id = $1 and e.origin_call = v.origin_call and e.origin_channel = v.origin_channel
      order by e.seq limit 1
    )
  order by v.seq desc limit $6::bigint`;

const LATEST_CALLS: Statement = {
  name: "activity.latest_calls",
  text: firstVersionsAmong("record_versions v where v.household_id = $1 and v.origin_channel is not null"),
};

// Those of one id, of one record, or both: looked up by it, so that it does not matter how long ago they were.
const NAMED_CALLS: Statement = {
  name: "activity.named_calls",
  text: `
  with named as materialized (
    select distinct r.origin_call, r.origin_channel from (
      select v.origin_call, v.origin_channel from record_versions v
      where v.household_id = $1 and v.record_id = $8::uuid offset 0
    ) r where r.origin_call is not null and ($7::text is null or r.origin_call = $7::text)
    union
    select $7::text, channel from unnest(array['api', 'mcp']) channel where $7::text is not null and $8::uuid is null
  )${firstVersionsAmong(`named n cross join lateral (
      select r.* from record_versions r
      where r.household_id = $1 and r.origin_call = n.origin_call and r.origin_channel = n.origin_channel offset 0
    ) v where true`)}`,
};

// APPLIED and MERGED are the outcomes with which a version becomes head.
const CHANGES: Statement = {
  name: "activity.changes",
  text: `
  select w.call::int, v.record_id, v.kind, v.type, v.from_id, v.to_id, v.deleted, v.version, v.author,
    case when v.kind = 1 then body_name(coalesce(v.body, b.body)) else '' end as name,
    b.version as version_before, b.deleted as deleted_before
  from unnest($2::text[], $3::text[]) with ordinality w (channel, id, call)
  cross join lateral (
    select v.* from record_versions v
    where v.household_id = $1 and v.origin_call = w.id and v.origin_channel = w.channel
    order by v.seq limit $4::bigint
  ) v
  left join lateral (
    select p.version, p.deleted, p.body from record_versions p
    where p.household_id = $1 and p.record_id = v.record_id and p.seq < v.seq and p.outcome in (1, 2)
    order by p.seq desc limit 1
  ) b on true
  order by w.call, v.seq`,
};
