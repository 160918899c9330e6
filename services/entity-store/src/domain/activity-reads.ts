import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordContent } from "@funkygibbon/kernel/content";
import type { HouseholdId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { Origin } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";

/** So many versions of one call are told; the others are counted. */
export const MAX_CHANGES_TOLD = 100;

/** Asks for a page of calls. What is undefined does not matter. */
export interface ActivityQuery {
  readonly household: HouseholdId;
  readonly call: string | undefined;
  readonly channel: Origin["channel"] | undefined;
  readonly author: UserId | undefined;
  readonly record: RecordId | undefined;
  /** Only calls whose first version was committed after this time. */
  readonly since: Micros | undefined;
  /** Only calls whose first version was committed not after this time. */
  readonly until: Micros | undefined;
  /** Only what stands after this in the list. */
  readonly before: ActivityPosition | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** Where a call stands in the list: by its first version, or as a decision right after the newest version of then. */
export interface ActivityPosition {
  readonly seq: number;
  readonly decision: DecisionPosition | undefined;
}

/** Tells apart decisions between the same two versions. */
export interface DecisionPosition {
  readonly decidedUs: Micros;
  readonly conflict: string;
  readonly revision: number;
}

/** A conflict that was settled by leaving the record as it was. */
export interface KeptRecord {
  readonly conflict: string;
  readonly record: RecordId;
  /** Without its body. */
  readonly content: RecordContent;
  /** Of an entity, as far as it has one. */
  readonly name: string;
}

/** One version that a call wrote. */
export interface RecordedChange {
  readonly record: RecordId;
  /** Without its body. */
  readonly content: RecordContent;
  /** Of an entity, as far as it has one. */
  readonly name: string;
  readonly deleted: boolean;
  readonly version: VersionId;
  readonly author: UserId;
  /** The head that it replaced; undefined when there was none. */
  readonly before: { readonly version: VersionId; readonly deleted: boolean } | undefined;
}

/** A call that wrote something, or decided that what there was shall stay. */
export interface RecordedCall {
  readonly origin: Origin;
  readonly author: UserId;
  readonly position: ActivityPosition;
  /** Of the first version, or the decision. */
  readonly committedUs: Micros;
  /** What the call decided to leave as it was; then there are no changes. */
  readonly kept: KeptRecord | undefined;
  /** In the order of the log, at most {@link MAX_CHANGES_TOLD}. */
  readonly changes: readonly RecordedChange[];
  /** How many versions there are in all. */
  readonly changeCount: number;
}

/** Reads who changed what through the API and through assistants. */
export interface ActivityReads {
  /** Newest first. */
  calls(query: ActivityQuery): Promise<readonly RecordedCall[]>;
}
