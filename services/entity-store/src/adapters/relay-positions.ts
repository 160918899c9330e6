import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { int8Array, textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { type PositionRow, positionFromRow } from "./postgres-log-reads.ts";
import { WIRE_COLUMNS, type WireRow } from "./version-wire.ts";

/** A stretch of a log that has been published. */
export interface PublishedStretch {
  readonly household: HouseholdId;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** A household whose log goes on beyond what was published. */
export interface LaggingHousehold {
  readonly household: HouseholdId;
  readonly versions: number;
  /** When the newest of them was committed. */
  readonly committedUs: number;
}

/** A row of the log as the sweep reads it. */
export type RelayRow = WireRow & { readonly is_head: boolean };

/**
 * Moves positions over stretches that begin where they stand. A stretch that begins later is left to the sweep: what
 * lies between has not been published.
 */
export function movePositions(database: Database, stretches: readonly PublishedStretch[]): Promise<void> {
  const inOrder = stretches.toSorted((a, b) => (a.household < b.household ? -1 : 1));
  return database.inTransaction({ households: "positions-only" }, async (tx) => {
    await tx.execute(MOVE, [
      textArray(inOrder.map((stretch) => stretch.household)),
      int8Array(inOrder.map((stretch) => stretch.fromSeq)),
      int8Array(inOrder.map((stretch) => stretch.toSeq)),
    ]);
  });
}

/** Households that lag, those that wait longest first. */
export async function findLagging(database: Database, limit: number): Promise<LaggingHousehold[]> {
  const rows = await database.inTransaction({ households: "positions-only", readOnly: true }, (tx) =>
    tx.query<{ household_id: HouseholdId; versions: number; committed_us: number }>(FIND_LAGGING, [limit]),
  );
  return rows.map((row) => ({ household: row.household_id, versions: row.versions, committedUs: row.committed_us }));
}

/** Takes a household's position for this transaction; undefined when another relay has it, or nothing is left to publish. */
export async function claimPosition(tx: Transaction, household: HouseholdId) {
  const [row] = await tx.query<PositionRow & { relayed_seq: number }>(CLAIM, [household]);
  if (row === undefined || row.relayed_seq >= row.head_seq) return undefined;
  return { relayedSeq: row.relayed_seq, log: positionFromRow(row) };
}

/** What a log says after a seq. The household must be in the transaction's scope. */
export function readAfter(tx: Transaction, household: HouseholdId, seq: number, limit: number): Promise<RelayRow[]> {
  return tx.query<RelayRow>(READ_AFTER, [household, seq, limit]);
}

/** Sets the position that this transaction has claimed. */
export async function setPosition(tx: Transaction, household: HouseholdId, relayedSeq: number): Promise<void> {
  await tx.execute(SET, [household, relayedSeq]);
}

const MOVE: Statement = {
  name: "relay.move_positions",
  text: `update relay_positions p set relayed_seq = s.to_seq
    from unnest($1::text[], $2::int8[], $3::int8[]) as s (household, from_seq, to_seq)
    where p.household_id = s.household and p.relayed_seq >= s.from_seq - 1 and p.relayed_seq < s.to_seq`,
};

const FIND_LAGGING: Statement = {
  name: "relay.find_lagging",
  text: `select h.household_id, h.head_seq - p.relayed_seq as versions, h.committed_us
    from households h join relay_positions p on p.household_id = h.household_id
    where h.head_seq > p.relayed_seq order by h.committed_us limit $1::int4`,
};

/** Two relays share the work: whoever finds a household taken goes on to the next. */
const CLAIM: Statement = {
  name: "relay.claim_position",
  text: `select h.epoch, h.head_seq, h.digest::text, h.committed_us, p.relayed_seq
    from relay_positions p join households h on h.household_id = p.household_id
    where p.household_id = $1 for update of p skip locked`,
};

const READ_AFTER: Statement = {
  name: "relay.read_after",
  text: `select ${WIRE_COLUMNS}, h.record_id is not null as is_head
    from record_versions v left join heads h on h.household_id = v.household_id and h.seq = v.seq
    where v.household_id = $1 and v.seq > $2::int8 order by v.seq limit $3::int4`,
};

const SET: Statement = {
  name: "relay.set_position",
  text: "update relay_positions set relayed_seq = $2 where household_id = $1",
};
