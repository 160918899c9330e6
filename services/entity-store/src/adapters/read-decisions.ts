import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import type { ActivityQuery, RecordedCall } from "../domain/activity-reads.ts";
import { contentFromRow, originFromRow, type VersionRow } from "./version-row.ts";

/** The calls by which people left records as they were, newest first. */
export async function readDecisions(tx: Transaction, query: ActivityQuery): Promise<readonly RecordedCall[]> {
  const { household, before, since, until, author, channel, call, record, limit } = query;
  const rows = await tx.query<DecisionRow>(DECISIONS, [
    household,
    before?.seq ?? Number.MAX_SAFE_INTEGER,
    before?.decision?.decidedUs ?? 0,
    before?.decision?.conflict ?? FIRST_ID,
    before?.decision?.revision ?? 0,
    since ?? 0,
    until ?? Number.MAX_SAFE_INTEGER,
    author ?? null,
    channel ?? null,
    call ?? null,
    record ?? null,
    limit,
  ]);
  return rows.map(toCall);
}

const FIRST_ID = "00000000-0000-0000-0000-000000000000";

interface DecisionRow
  extends Pick<
    VersionRow,
    "kind" | "type" | "from_id" | "to_id" | "origin_channel" | "origin_client" | "origin_tool" | "origin_call"
  > {
  readonly seq: number;
  readonly decided_us: number;
  readonly conflict_id: string;
  readonly revision: number;
  readonly record_id: string;
  readonly author: string;
  readonly name: string;
}

function toCall(row: DecisionRow): RecordedCall {
  const { seq, decided_us: decidedUs, conflict_id: conflict, revision } = row;
  return {
    origin: must(originFromRow(row), "a decision came in through a door"),
    author: row.author as UserId,
    position: { seq, decision: { decidedUs, conflict, revision } },
    committedUs: decidedUs,
    kept: { conflict, record: row.record_id as RecordId, content: contentFromRow(row, null), name: row.name },
    changes: [],
    changeCount: 0,
  };
}

// What the record is, its newest version says, whether it became head or not: a conflict is about versions of the log.
const DECISIONS: Statement = {
  name: "activity.decisions",
  text: `
  select d.seq, d.decided_us, d.conflict_id, d.revision, d.record_id, d.author, d.origin_channel, d.origin_client,
    d.origin_tool, d.origin_call, v.kind, v.type, v.from_id, v.to_id,
    case when v.kind = 1 then coalesce(h.name, body_name(v.body), '') else '' end as name
  from (
    select d.* from decisions d
    where d.household_id = $1 and (d.seq, d.decided_us, d.conflict_id, d.revision) < ($2::bigint, $3::bigint, $4::uuid, $5::integer)
      and d.decided_us > $6::bigint and d.decided_us <= $7::bigint
      and ($8::text is null or d.author = $8::text) and ($9::text is null or d.origin_channel = $9::text)
      and ($10::text is null or d.origin_call = $10::text) and ($11::uuid is null or d.record_id = $11::uuid)
    order by d.seq desc, d.decided_us desc, d.conflict_id desc, d.revision desc limit $12::bigint
  ) d
  cross join lateral (
    select v.* from record_versions v where v.household_id = $1 and v.record_id = d.record_id order by v.seq desc limit 1
  ) v
  left join heads h on h.household_id = $1 and h.record_id = d.record_id
  order by d.seq desc, d.decided_us desc, d.conflict_id desc, d.revision desc`,
};
