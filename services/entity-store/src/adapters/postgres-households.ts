import { setImmediate } from "node:timers/promises";
import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { Digest } from "@funkygibbon/kernel/digest";
import { type DeviceId, type HouseholdId, isReservedDevice, type RecordId } from "@funkygibbon/kernel/ids";
import { ACYCLIC_TYPES } from "@funkygibbon/kernel/relationship-type";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { sha256 } from "@funkygibbon/runtime/sha256";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { checkTerms, type TermedHead } from "../domain/head-terms.ts";
import { cyclicEdges, type IntegrityFault, type TreeEdge } from "../domain/integrity.ts";
import type { HouseholdReads, IntegrityReport, Statistics } from "../domain/statistics.ts";
import { ENTITY_KIND } from "./version-row.ts";

const MAX_FAULTS = 100;

/** Counts and checks over all that a household has. */
export class PostgresHouseholds implements HouseholdReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  statistics(household: HouseholdId, signal?: AbortSignal): Promise<Statistics> {
    return this.#inSnapshot(household, signal, async (tx) => {
      const [counts, [totals]] = await Promise.all([
        tx.query<{ kind: number; type: number; deleted: boolean; count: number }>(COUNTS, [household]),
        tx.query<{ versions: number; open_conflicts: number }>(TOTALS, [household]),
      ]);
      const live = counts.filter((row) => !row.deleted);
      const nodes = live.filter((row) => row.kind === ENTITY_KIND);
      const edges = live.filter((row) => row.kind !== ENTITY_KIND);
      return {
        entities: new Map(nodes.map((row) => [entityTypes.mustFromWire(row.type as WireEntityType), row.count])),
        relationships: new Map(
          edges.map((row) => [relationshipTypes.mustFromWire(row.type as WireRelationshipType), row.count]),
        ),
        deletedRecords: counts.filter((row) => row.deleted).reduce((sum, row) => sum + row.count, 0),
        versions: totals?.versions ?? 0,
        openConflicts: totals?.open_conflicts ?? 0,
      };
    });
  }

  checkIntegrity(household: HouseholdId, signal?: AbortSignal): Promise<IntegrityReport> {
    return this.#inSnapshot(household, signal, async (tx) => {
      const [checkedRecords, digest] = await checkDigest(tx, household);
      const checks = [
        await checkEnds(tx, household),
        await checkCycles(tx, household),
        await checkHeads(tx, household),
        await checkSequence(tx, household),
        await checkClocks(tx, household),
        digest,
      ];
      return { faults: checks.flat().slice(0, MAX_FAULTS), checkedRecords };
    });
  }

  #inSnapshot<T>(household: HouseholdId, signal: AbortSignal | undefined, read: (tx: Transaction) => Promise<T>) {
    return this.#database.inTransaction(
      { households: [household], readOnly: true, isolation: "repeatable read", signal },
      read,
    );
  }
}

async function checkEnds(tx: Transaction, household: HouseholdId): Promise<IntegrityFault[]> {
  const rows = await tx.query<{ record_id: string; end_id: string }>(DEAD_ENDS, [household, MAX_FAULTS]);
  return rows.map((row) => ({
    reason: "DEAD_ENDPOINT",
    record: row.record_id as RecordId,
    message: `the relationship is live and its end ${row.end_id} is not`,
  }));
}

async function checkCycles(tx: Transaction, household: HouseholdId): Promise<IntegrityFault[]> {
  const faults: IntegrityFault[] = [];
  for (const type of ACYCLIC_TYPES) {
    const rows = await tx.query<TreeEdge>(EDGES_OF_TYPE, [household, relationshipTypes.toWire(type)]);
    for (const edge of cyclicEdges(rows)) {
      faults.push({ reason: "CYCLE", record: edge.id, message: `the relationship lies on a cycle of ${type}` });
    }
  }
  return faults;
}

async function checkHeads(tx: Transaction, household: HouseholdId): Promise<IntegrityFault[]> {
  const rows = await tx.query<{ record_id: string; head: string | null; log: string | null }>(HEAD_MISMATCHES, [
    household,
    MAX_FAULTS,
  ]);
  return rows.map((row) => ({
    reason: "HEAD_MISMATCH",
    record: row.record_id as RecordId,
    message:
      row.head === row.log
        ? `the head says otherwise than its version ${row.log}`
        : `the head is ${row.head ?? "missing"}, the log says ${row.log ?? "nothing of it"}`,
  }));
}

async function checkSequence(tx: Transaction, household: HouseholdId): Promise<IntegrityFault[]> {
  const rows = await tx.query<{ after_seq: number; next_seq: number }>(SEQ_GAPS, [household, MAX_FAULTS]);
  return rows.map((row) => ({
    reason: "SEQ_GAP",
    record: undefined,
    message: `the log goes from seq ${row.after_seq} to ${row.next_seq}`,
  }));
}

/** Resends are looked for only up to a device's clock. The server's own devices have none. */
async function checkClocks(tx: Transaction, household: HouseholdId): Promise<IntegrityFault[]> {
  const rows = await tx.query<{ device_id: DeviceId; sequence: number; clock: number }>(CLOCKS_BEHIND, [household]);
  return rows
    .filter((row) => !isReservedDevice(row.device_id))
    .map((row) => ({
      reason: "CLOCK_BEHIND",
      record: undefined,
      message: `the clock of device ${row.device_id} stands at ${row.clock}, the log has its ${row.sequence}`,
    }));
}

/** Also counts the live heads, which it reads all of. */
async function checkDigest(tx: Transaction, household: HouseholdId): Promise<[number, IntegrityFault[]]> {
  const [heads, [stored]] = await Promise.all([
    tx.query<[record: RecordId, version: VersionId, term: string]>(LIVE_HEADS, [household]),
    tx.query<{ digest: string }>(DIGEST, [household]),
  ]);
  const termed = heads.map(([record, version, term]): TermedHead => [record, version, unsigned(term)]);
  const { digest, wrong } = await checkTerms(termed, { sha256, othersTurn: setImmediate });
  const faults = wrong.map((record): IntegrityFault => {
    return { reason: "HEAD_MISMATCH", record, message: "the term of the head is not that of its version" };
  });
  if (digest !== unsigned(stored?.digest ?? "0")) {
    const message = "the digest of the household is not the sum over its live heads";
    faults.push({ reason: "DIGEST_MISMATCH", record: undefined, message });
  }
  return [heads.length, faults];
}

/** The columns hold the 64 bits as a signed number. */
function unsigned(column: string): Digest {
  return BigInt.asUintN(64, BigInt(column));
}

const COUNTS: Statement = {
  name: "households.count_heads",
  text: `select kind, type, deleted, count(*) as count from heads where household_id = $1
  group by kind, type, deleted order by kind, type`,
};

const TOTALS: Statement = {
  name: "households.totals",
  text: `
  select h.head_seq as versions,
    (select count(*) from conflicts c where c.household_id = $1 and c.settled_us = 0) as open_conflicts
  from households h where h.household_id = $1`,
};

const DEAD_ENDS: Statement = {
  name: "households.dead_ends",
  text: `
  select e.record_id, e.end_id
  from (
    select record_id, from_id as end_id from heads where household_id = $1 and kind = 2 and not deleted
    union all
    select record_id, to_id from heads where household_id = $1 and kind = 2 and not deleted and to_id <> from_id
  ) e
  left join heads n on n.household_id = $1 and n.record_id = e.end_id and n.kind = 1 and not n.deleted
  where n.record_id is null
  order by e.record_id limit $2::bigint`,
};

const EDGES_OF_TYPE: Statement = {
  name: "households.edges_of_type",
  text: `
  select record_id as id, from_id as "from", to_id as "to" from heads
  where household_id = $1 and kind = 2 and not deleted and type = $2::smallint order by record_id`,
};

// The head of a record is its last accepted version.
const HEAD_MISMATCHES: Statement = {
  name: "households.head_mismatches",
  text: `
  select coalesce(h.record_id, l.record_id) as record_id, h.version as head, l.version as log
  from (select * from heads where household_id = $1) h
  full join (
    select distinct on (v.record_id) v.record_id, v.version, v.seq, v.deleted, v.kind, v.type, v.source, v.from_id,
      v.to_id, v.kind = 2 and v.deleted and v.device_id like 'server.%' as cascaded
    from record_versions v where v.household_id = $1 and v.outcome in (1, 2)
    order by v.record_id, v.seq desc
  ) l on l.record_id = h.record_id
  where (h.version, h.seq, h.deleted, h.kind, h.type, h.source, h.from_id, h.to_id, h.cascaded)
    is distinct from (l.version, l.seq, l.deleted, l.kind, l.type, l.source, l.from_id, l.to_id, l.cascaded)
  order by 1 limit $2::bigint`,
};

const SEQ_GAPS: Statement = {
  name: "households.seq_gaps",
  text: `
  select after_seq, next_seq
  from (
    select lag(s.seq, 1, 0::bigint) over (order by s.seq) as after_seq, s.seq as next_seq
    from (
      select v.seq from record_versions v where v.household_id = $1
      union all
      -- The log must also end where its household says that it ends.
      select h.head_seq + 1 from households h where h.household_id = $1
    ) s
  ) g
  where next_seq <> after_seq + 1
  order by next_seq limit $2::bigint`,
};

const CLOCKS_BEHIND: Statement = {
  name: "households.clocks_behind",
  text: `
  select v.device_id, v.sequence, coalesce(d.highest_sequence, 0) as clock
  from (
    select device_id, max(sequence) as sequence from record_versions where household_id = $1 group by device_id
  ) v
  left join devices d on d.household_id = $1 and d.device_id = v.device_id and d.newest_version is not null
  where d.device_id is null or d.highest_sequence < v.sequence
  order by v.device_id`,
};

const LIVE_HEADS: Statement = {
  name: "households.live_heads",
  text: "select record_id, version, digest_term::text from heads where household_id = $1 and not deleted",
  rowMode: "array",
};

const DIGEST: Statement = {
  name: "households.digest",
  text: "select digest::text from households where household_id = $1",
};
