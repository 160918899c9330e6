import type { DeviceId, HouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";

/** Which page of a log to read. */
export interface LogQuery {
  readonly household: HouseholdId;
  /** Heads above this seq. */
  readonly afterSeq: number;
  /** Not above this one; undefined: the head. */
  readonly untilSeq: number | undefined;
  /** At most this many records. */
  readonly limit: number;
  /** Bodies of at most this many bytes together; one record is always read. */
  readonly maxBytes: number;
  /** Tombstones up to this seq are left out. */
  readonly skipTombstonesToSeq: number;
}

/** One page of heads; all of one snapshot. `Version` is how the reader presents them. */
export interface LogPage<Version> {
  readonly versions: readonly Version[];
  /** Everything up to here has been read. */
  readonly throughSeq: number;
  readonly position: LogPosition;
}

/** The durable vector clock of a household. */
export interface HouseholdClocks {
  readonly position: LogPosition;
  readonly versions: ReadonlyMap<DeviceId, VersionId>;
}

/** Reading logs. @throws DomainError `not-found` for a household that has none, and `unavailable`. */
export interface LogReads<Version> {
  page(query: LogQuery, signal?: AbortSignal): Promise<LogPage<Version>>;
  position(household: HouseholdId, signal?: AbortSignal): Promise<LogPosition>;
  clocks(household: HouseholdId, signal?: AbortSignal): Promise<HouseholdClocks>;
}

/** Beginning logs. */
export interface HouseholdFounding {
  /** Gives the household a log with a fresh epoch if it has none; idempotent. */
  found(household: HouseholdId): Promise<void>;
}
