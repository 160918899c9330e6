import type { Micros } from "@funkygibbon/kernel/clock";
import type { Epoch, RecordId } from "@funkygibbon/kernel/ids";
import { assertNever } from "@funkygibbon/kernel/must";
import type { ChangeOutcome, Rejection } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { isHeld } from "./base-layer.ts";
import { endsOf, reparentPast } from "./edit-queue.ts";
import type { Edit } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/** Where and when some answers came. */
export interface AnswerContext {
  readonly epoch: Epoch;
  /** The log's newest seq after the push; stands in where a record has no head. */
  readonly headSeq: number;
  readonly nowUs: Micros;
  /** How long a deferred edit waits before it is sent again, in microseconds. */
  readonly deferralUs: Micros;
}

/** The edge's own end was rejected, so nobody will ever know it. */
export const ENDPOINT_REJECTED = "ENDPOINT_REJECTED";

/** Takes the answers of a push. */
export function settleAnswers(
  tx: ReplicaTransaction,
  outcomes: readonly ChangeOutcome[],
  context: AnswerContext,
): void {
  for (const outcome of outcomes) {
    const record = outcome.record as RecordId;
    const edit = tx.editsOf(record).find((candidate) => candidate.version === outcome.version);
    if (edit === undefined || edit.state.kind === "answered" || edit.state.kind === "dead") continue;
    settleOne(tx, edit, outcome, context);
  }
}

function settleOne(tx: ReplicaTransaction, edit: Edit, answer: ChangeOutcome, context: AnswerContext): void {
  switch (answer.outcome) {
    case "applied":
    case "merged":
    case "superseded":
    case "pending_review": {
      const seq = answer.headSeq === 0 ? context.headSeq : answer.headSeq;
      const answered: Edit = {
        ...edit,
        state: { kind: "answered", outcome: answer.outcome, seq, epoch: context.epoch },
      };
      tx.putEdit(answered);
      if (isHeld(tx, answered)) tx.removeEdit(answered);
      return;
    }
    case "deferred":
      defer(tx, edit, context);
      return;
    case "retry":
      return;
    case "rejected":
      reject(tx, edit, answer.rejection ?? { reason: "REJECTED", field: "", message: "rejected" });
      return;
    default:
      assertNever(answer.outcome, "outcome");
  }
}

function defer(tx: ReplicaTransaction, edit: Edit, context: AnswerContext): void {
  const lost = endsOf(edit.content).find((end) => wasRejected(tx, end));
  if (lost !== undefined) {
    bury(tx, edit, endpointRejected(lost));
    return;
  }
  const sinceUs = edit.state.kind === "deferred" ? edit.state.sinceUs : context.nowUs;
  tx.putEdit({ ...edit, state: { kind: "deferred", sinceUs, nextAtUs: context.nowUs + context.deferralUs } });
}

function reject(tx: ReplicaTransaction, edit: Edit, rejection: Rejection): void {
  if (rejection.reason === "VERSION_REUSED") {
    // Another clone has used this sequence, so this content is in no log: it may take a new version like an edit that
    // was never sent, and has to wait for the new id.
    tx.putEdit({ ...edit, state: { kind: "unsent" } });
    tx.setMeta({ forked: true });
    return;
  }
  bury(tx, edit, rejection);
  if (edit.content.kind === "entity" && wasRejected(tx, edit.record)) {
    for (const other of [...tx.pendingEdits()]) {
      if (other.state.kind === "deferred" && endsOf(other.content).includes(edit.record)) {
        bury(tx, other, endpointRejected(edit.record));
      }
    }
  }
}

function bury(tx: ReplicaTransaction, edit: Edit, rejection: Rejection): void {
  tx.putEdit({ ...edit, state: { kind: "dead", rejection } });
  reparentPast(tx, edit);
}

/** Whether this device tried to create the record, was refused, and nothing of it is left. */
function wasRejected(tx: ReplicaTransaction, record: RecordId): boolean {
  return tx.visible(record) === undefined && tx.editsOf(record).some((edit) => edit.state.kind === "dead");
}

function endpointRejected(end: RecordId): Rejection {
  return { reason: ENDPOINT_REJECTED, field: "relationship", message: `its end ${end} was rejected` };
}

/** Makes pending again what a log that is gone had answered and the base does not hold (docs/protocol.md, section 8). */
export function reopenAnswers(tx: ReplicaTransaction): void {
  for (const edit of [...tx.allEdits()]) {
    if (edit.state.kind === "answered") tx.putEdit({ ...edit, state: { kind: "sent" } });
  }
}

/** Gives up a rejected edit for good. @returns whether there was one. */
export function discardDeadEdit(tx: ReplicaTransaction, version: VersionId): boolean {
  for (const edit of tx.allEdits()) {
    if (edit.version === version && edit.state.kind === "dead") {
      tx.removeEdit(edit);
      return true;
    }
  }
  return false;
}
