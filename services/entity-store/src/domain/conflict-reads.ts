import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, HouseholdId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy, ConflictRow, RecordVersion } from "@funkygibbon/kernel/record";

/** A page of conflicts, newest first. */
export interface ConflictListQuery {
  readonly household: HouseholdId;
  readonly state: "any" | "open" | "settled";
  readonly record: RecordId | undefined;
  /** On either side. */
  readonly device: DeviceId | undefined;
  readonly after: ConflictPosition | undefined;
  /** Conflicts. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** What a list of conflicts was found to begin with. */
export interface ConflictList {
  readonly conflicts: readonly ConflictRow[];
  /** There may be more after them. */
  readonly more: boolean;
}

/** The fields of the conflicts of one page; one conflict is always there. */
export const MAX_CONFLICT_PAGE_BYTES = 2 * 1024 * 1024;

/** Sort key of a conflict in lists. */
export interface ConflictPosition {
  readonly openedUs: Micros;
  readonly id: string;
}

/** A conflict with all that a person needs to settle it. */
export interface ConflictFile {
  readonly conflict: ConflictRow;
  readonly local: RecordVersion | undefined;
  readonly server: RecordVersion | undefined;
  readonly base: RecordVersion | undefined;
  /** The record's head now. */
  readonly head: RecordVersion | undefined;
  /** The policy for the record's type, or the household's for all types; undefined: the defaults. */
  readonly policy: ConflictPolicy | undefined;
}

/** Reads conflict rows. They are written by commits only. */
export interface ConflictReads {
  list(query: ConflictListQuery): Promise<ConflictList>;
  /** Undefined when the household has no such conflict. */
  get(household: HouseholdId, id: string, signal?: AbortSignal): Promise<ConflictFile | undefined>;
}

/** How households want conflicts settled. */
export interface ConflictPolicies {
  /** Those that were set. */
  list(household: HouseholdId, signal?: AbortSignal): Promise<readonly ConflictPolicy[]>;
  /** Replaces the policy of its entity type. */
  set(
    policy: ConflictPolicy,
    by: { readonly household: HouseholdId; readonly user: UserId; readonly now: Micros },
  ): Promise<void>;
}
