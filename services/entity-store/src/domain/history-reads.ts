import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { RecordVersion } from "@funkygibbon/kernel/record";

/** One version in a history. */
export interface HistoryItem {
  readonly version: RecordVersion;
  /** The first parent, when the log knows it. */
  readonly parent: RecordVersion | undefined;
  /** At the time that was asked about. */
  readonly isHead: boolean;
}

/** Asks for a page of the versions of one record. */
export interface HistoryQuery {
  readonly household: HouseholdId;
  readonly record: RecordId;
  readonly kind: RecordKind;
  /** Only versions below this seq; undefined: from the newest. */
  readonly beforeSeq: number | undefined;
  /** As of this commit time; undefined: now. */
  readonly at: Micros | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** Reads what a record has said over time. */
export interface HistoryReads {
  /** Newest first; empty when the household has no such record at that time. */
  history(query: HistoryQuery): Promise<readonly HistoryItem[]>;
  /** When the first accepted version of a record was committed; undefined when there is none. */
  createdAt(household: HouseholdId, record: RecordId): Promise<Micros | undefined>;
}
