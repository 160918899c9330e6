import type { Clock } from "@funkygibbon/kernel/clock";
import { contentKeys } from "@funkygibbon/kernel/content";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import { compactStamps, expandStamps } from "@funkygibbon/kernel/stamp";
import { releaseEditsUpTo, type StagedBase } from "./base-layer.ts";
import type { BaseRecords } from "./base-table.ts";
import { mintVersion } from "./device-clock.ts";
import { type BaseRecord, bodyOf, type Edit, type ReplicaMeta } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/**
 * What a restored server has lost: each record of the old base, tombstones included, whose version differs from the
 * fresh one (docs/protocol.md, section 8). Entities come before edges, so that edges find their ends.
 */
export function planHeals(old: BaseRecords, fresh: BaseRecords): readonly BaseRecord[] {
  const lost = [...old.values()].filter((record) => fresh.get(record.record)?.version !== record.version);
  return lost.sort((a, b) => rank(a) - rank(b) || a.seq - b.seq);
}

/**
 * A lost record under a version of this device: a clone has given the record's own version to another edit since. Its
 * author stays, and every key is as old as it was; the version itself is as new as its receipt, so that it bounds no
 * edit of this device that is still to be pushed.
 */
export function underOwnVersion(tx: ReplicaTransaction, record: BaseRecord, clock: Clock): BaseRecord {
  const { effectiveUs, device, sequence, stamps } = record;
  const former = { effectiveUs, device: parseDeviceId(device), sequence };
  return {
    ...record,
    ...mintVersion(tx, clock),
    device: tx.meta.deviceId,
    stamps: compactStamps(expandStamps(stamps, keysOf(record), former), NO_KEYS, former),
    effectiveUs: Number.MAX_SAFE_INTEGER,
  };
}

/** What the second replica knows besides its records. */
export type StagedPosition = Required<Pick<ReplicaMeta, "cursor" | "vectorClock">> & {
  readonly epoch: NonNullable<ReplicaMeta["epoch"]>;
  readonly headSeq: number;
};

/** A tombstone of another log: it has no place in this one, so that it never stands in the way of a pulled record. */
const NO_SEQ = 0;

/**
 * Puts the second replica in the place of the first, in one transaction. Records that the server would not take back
 * stay as dead letters.
 */
export function swapReplicas(
  tx: ReplicaTransaction,
  swap: {
    readonly old: BaseRecords;
    readonly staged: StagedBase;
    readonly position: StagedPosition;
    readonly refused: readonly BaseRecord[];
    readonly clock: Clock;
  },
): void {
  const { old, staged, position, refused, clock } = swap;
  const kept = [...old.values()].filter(({ record, deleted }) => deleted && staged.base(record) === undefined);
  tx.replaceBase(staged.records);
  // A pull from empty leaves tombstones out. Kept, they can be brought back should the next restore lose them.
  for (const tombstone of kept) tx.putBase({ ...tombstone, seq: NO_SEQ });
  tx.setMeta({ epoch: position.epoch, cursor: position.cursor, vectorClock: position.vectorClock });
  releaseEditsUpTo(tx, position.epoch, position.headSeq);
  for (const record of refused) tx.putEdit(deadLetterOf(tx, record, clock));
}

const NO_KEYS: ReadonlySet<string> = new Set();

function keysOf(record: BaseRecord): ReadonlySet<string> {
  return record.deleted ? NO_KEYS : contentKeys({ ...record.content, body: bodyOf(record) });
}

function rank(record: BaseRecord): number {
  return record.content.kind === "entity" ? 0 : 1;
}

/** Under a version of its own, which it is known by here: a clone may have given the record's to an edit that waits here. */
function deadLetterOf(tx: ReplicaTransaction, record: BaseRecord, clock: Clock): Edit {
  return {
    record: record.record,
    ...mintVersion(tx, clock),
    parents: record.parents,
    content: record.content,
    deleted: record.deleted,
    wish: undefined,
    changedKeys: [],
    state: {
      kind: "dead",
      rejection: { reason: "HEAL_REJECTED", field: "", message: "the restored server did not take it back" },
    },
  };
}
