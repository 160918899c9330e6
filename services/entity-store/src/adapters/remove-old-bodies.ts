import type { Micros } from "@funkygibbon/kernel/clock";
import type { CommandConnectionOptions } from "./command-connection.ts";
import { inCommandTransaction } from "./command-connection.ts";

/** Seqs looked at by one transaction: commits of the household wait for that long, some 50 ms. */
const SEQS_AT_ONCE = 5_000;

/** What retention is asked to remove. */
export interface Retention {
  readonly url: string;
  readonly household: string;
  /** Bodies that were last seen in the graph before this commit time. */
  readonly beforeUs: Micros;
  /** `count` only says what `remove` would do. */
  readonly mode: "remove" | "count";
  /** For tests. */
  readonly seqsAtOnce?: number;
}

/** What retention removed, or would. */
export interface RetentionReport {
  readonly versions: number;
  readonly bytes: number;
}

/** The households of the database, or the one that is named. The login must see every row. */
export function retainedHouseholds(url: string, household: string | undefined): Promise<string[]> {
  return inCommandTransaction({ url, transaction: "snapshot" }, async (tx) => {
    const rows = await tx.rows<{ household_id: string }>(HOUSEHOLDS, [household ?? null]);
    return rows.map((row) => row.household_id);
  });
}

/**
 * Empties the bodies of versions that nothing needs any more: which were replaced, or never became head, before a
 * time. Reads as of any later time stay whole. Heads, versions of open conflicts and all rows stay. Some rows at a time,
 * under the household's lock; may be stopped and started again.
 */
export async function removeOldBodies(retention: Retention): Promise<RetentionReport> {
  const { url, household, beforeUs, mode, seqsAtOnce = SEQS_AT_ONCE } = retention;
  const options: CommandConnectionOptions = { url, household, transaction: mode === "count" ? "snapshot" : "write" };
  let report: RetentionReport = { versions: 0, bytes: 0 };
  for (let from = 0, until = 1; from < until; from += seqsAtOnce) {
    await inCommandTransaction(options, async (tx) => {
      // A conflict that is being opened keeps its versions: it is committed before this, or after.
      if (mode === "remove") await tx.rows("select 1 from households where household_id = $1 for update", [household]);
      const [position] = await tx.rows<{ seq: number }>("select log_seq_at($1, $2) as seq", [household, beforeUs - 1]);
      until = position?.seq ?? 0;
      const range = [household, from, Math.min(from + seqsAtOnce, until), beforeUs];
      const [found] = await tx.rows<RetentionReport>(mode === "count" ? COUNT : REMOVE, range);
      if (found !== undefined) {
        report = { versions: report.versions + found.versions, bytes: report.bytes + found.bytes };
      }
    });
  }
  return report;
}

const HOUSEHOLDS = "select household_id from households where $1::text is null or household_id = $1 order by 1";

/** APPLIED and MERGED are the outcomes with which a version becomes head; the later one replaced the earlier. */
const OLD = `
  select v.household_id, v.seq, octet_length(v.body) as bytes
  from record_versions v
  where v.household_id = $1 and v.seq > $2 and v.seq <= $3 and v.committed_us < $4 and v.body is not null
    and not exists (select from heads h where h.household_id = v.household_id and h.seq = v.seq)
    and not exists (
      select from conflicts c
      where c.household_id = v.household_id and c.record_id = v.record_id and c.settled_us = 0
        and v.version in (c.local_version, c.server_version, c.base_version, c.resolved_version)
    )
    and (v.outcome not in (1, 2) or exists (
      select from record_versions l
      where l.household_id = v.household_id and l.record_id = v.record_id and l.seq > v.seq and l.outcome in (1, 2)
        and l.committed_us < $4
    ))`;

const COUNT = `select count(*) as versions, coalesce(sum(bytes), 0)::bigint as bytes from (${OLD}) old`;

const REMOVE = `
  with old as (${OLD}), emptied as (
    update record_versions v set body = null, body_removed = true
    from old where v.household_id = old.household_id and v.seq = old.seq
    returning old.bytes
  )
  select count(*) as versions, coalesce(sum(bytes), 0)::bigint as bytes from emptied`;
