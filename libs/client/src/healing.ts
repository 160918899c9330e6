import type { RecordId } from "@funkygibbon/kernel/ids";
import { releaseEditsUpTo, type StagedBase } from "./base-layer.ts";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/**
 * What a restored server has lost: each record of the old base, tombstones included, whose version differs from the
 * fresh one (docs/protocol.md, section 8). Entities come before edges, so that edges find their ends.
 */
export function planHeals(
  old: ReadonlyMap<RecordId, BaseRecord>,
  fresh: ReadonlyMap<RecordId, BaseRecord>,
): readonly BaseRecord[] {
  const lost = [...old.values()].filter((record) => fresh.get(record.record)?.version !== record.version);
  return lost.sort((a, b) => rank(a) - rank(b) || a.seq - b.seq);
}

/** What the second replica knows besides its records. */
export type StagedPosition = Required<Pick<ReplicaMeta, "cursor" | "vectorClock">> & {
  readonly epoch: NonNullable<ReplicaMeta["epoch"]>;
  readonly headSeq: number;
};

/**
 * Puts the second replica in the place of the first, in one transaction. Records that the server would not take back
 * stay as dead letters.
 */
export function swapReplicas(
  tx: ReplicaTransaction,
  staged: StagedBase,
  position: StagedPosition,
  refused: readonly BaseRecord[],
): void {
  tx.replaceBase(staged.records);
  tx.setMeta({ epoch: position.epoch, cursor: position.cursor, vectorClock: position.vectorClock });
  releaseEditsUpTo(tx, position.epoch, position.headSeq);
  for (const record of refused) tx.putEdit(deadLetterOf(record));
}

function rank(record: BaseRecord): number {
  return record.content.kind === "entity" ? 0 : 1;
}

function deadLetterOf(record: BaseRecord): Edit {
  return {
    record: record.record,
    version: record.version,
    sequence: record.sequence,
    parents: record.parents,
    content: record.content,
    deleted: record.deleted,
    claimedUs: record.claimedUs,
    wish: undefined,
    state: {
      kind: "dead",
      rejection: { reason: "HEAL_REJECTED", field: "", message: "the restored server did not take it back" },
    },
  };
}
