import { Outcome as WireOutcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictType as WireConflictType,
  ConflictDecision as WireDecision,
  ResolutionStrategy as WireStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictDecision, ConflictType, Outcome, Strategy } from "@funkygibbon/kernel/record";
import { enumMapping } from "./enum-mapping.ts";

/** `applied` ↔ OUTCOME_APPLIED and so on. */
export const outcomes = enumMapping<Outcome, WireOutcome>({
  applied: WireOutcome.APPLIED,
  merged: WireOutcome.MERGED,
  superseded: WireOutcome.SUPERSEDED,
  pending_review: WireOutcome.PENDING_REVIEW,
  deferred: WireOutcome.DEFERRED,
  retry: WireOutcome.RETRY,
  rejected: WireOutcome.REJECTED,
});

/** `merge` ↔ RESOLUTION_STRATEGY_MERGE and so on. */
export const strategies = enumMapping<Strategy, WireStrategy>({
  accept_local: WireStrategy.ACCEPT_LOCAL,
  accept_server: WireStrategy.ACCEPT_SERVER,
  merge: WireStrategy.MERGE,
  manual: WireStrategy.MANUAL,
});

/** `content_conflict` ↔ CONFLICT_TYPE_CONTENT_CONFLICT and so on. */
export const conflictTypes = enumMapping<ConflictType, WireConflictType>({
  version_mismatch: WireConflictType.VERSION_MISMATCH,
  content_conflict: WireConflictType.CONTENT_CONFLICT,
  delete_update: WireConflictType.DELETE_UPDATE,
  cyclic_relationship: WireConflictType.CYCLIC_RELATIONSHIP,
});

/** `kept_server` ↔ CONFLICT_DECISION_KEPT_SERVER and so on. */
export const conflictDecisions = enumMapping<ConflictDecision, WireDecision>({
  open: WireDecision.OPEN,
  kept_server: WireDecision.KEPT_SERVER,
  took_local: WireDecision.TOOK_LOCAL,
  merged: WireDecision.MERGED,
  edited: WireDecision.EDITED,
  closed: WireDecision.CLOSED,
});
