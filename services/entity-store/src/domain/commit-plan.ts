import type { Micros } from "@funkygibbon/kernel/clock";
import type { UserId } from "@funkygibbon/kernel/ids";
import type { ConflictRow, LogPosition, Origin } from "@funkygibbon/kernel/record";
import type { DeviceClock, FactNeeds } from "./commit-facts.ts";
import type { CommitJob, RequestKey, ResultOf } from "./commit-job.ts";
import type { ConflictBook } from "./conflict-book.ts";
import type { PlannedHead, PlannedVersion, WorkingLog } from "./working-log.ts";

/** What a commit writes; nothing else is written. */
export interface CommitWrites {
  /** Where the log stands before it. */
  readonly previous: LogPosition;
  /** Where the log stands after it. */
  readonly position: LogPosition;
  /** In the order of their seq, which follows that of `previous` without a gap. */
  readonly versions: readonly PlannedVersion[];
  /** The last head of each record that has a new one. */
  readonly heads: readonly PlannedHead[];
  readonly clocks: readonly DeviceClock[];
  readonly newConflicts: readonly ConflictRow[];
  readonly changedConflicts: readonly ConflictRow[];
  /** A person's decision that leaves the record as it is. */
  readonly decision?: KeptDecision | undefined;
  readonly request: RequestToRemember | undefined;
}

/** What the audit view tells of a decision of which no version tells. */
export interface KeptDecision {
  /** As the decision left it. */
  readonly conflict: ConflictRow;
  /** The newest version of the log then. */
  readonly seq: number;
  readonly author: UserId;
  readonly origin: Origin;
}

/** A request whose result is to be remembered. */
export interface RequestToRemember {
  readonly key: RequestKey;
  readonly result: string;
  readonly createdUs: Micros;
}

/** What to commit and what to answer, or what has to be known first. */
export type CommitPlan<Job extends CommitJob = CommitJob> =
  | {
      readonly kind: "ready";
      readonly result: ResultOf<Job>;
      /** Undefined when there is nothing to write. */
      readonly writes: CommitWrites | undefined;
    }
  | { readonly kind: "needs"; readonly needs: FactNeeds };

/** Everything that a working log and its conflicts have gathered; undefined when that is nothing. */
export function writesOf(
  log: WorkingLog,
  book: ConflictBook,
  request: Omit<RequestToRemember, "createdUs"> | undefined,
): CommitWrites | undefined {
  const writes: CommitWrites = {
    previous: log.facts.position,
    position: log.position,
    versions: log.versions,
    heads: [...log.newHeads.values()],
    clocks: log.raisedClocks(),
    newConflicts: book.inserted,
    changedConflicts: book.updated,
    request: request && { ...request, createdUs: log.committedUs },
  };
  const nothing =
    writes.versions.length === 0 &&
    writes.newConflicts.length === 0 &&
    writes.changedConflicts.length === 0 &&
    request === undefined;
  return nothing ? undefined : writes;
}
