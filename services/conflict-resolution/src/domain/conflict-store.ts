import type {
  ConflictDecision,
  ConflictPolicy,
  ConflictRow,
  FieldConflict,
  Origin,
  RecordVersion,
  SettledContent,
} from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";

/** For whom a call is made: whatever the caller presented is passed on, so the store judges the user and not us. */
export interface OnBehalfOf {
  /** The user's own token. */
  readonly token: string | undefined;
  /** A signed actor, instead of a user's token. */
  readonly actor: string | undefined;
  readonly signal: AbortSignal;
}

/** Which conflicts to list. The store checks it, and its page tokens are opaque to us. */
export interface ConflictQuery {
  /** 0: the store's default. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
  readonly state: "open" | "settled" | "any";
  /** Empty: all records. */
  readonly recordId: string;
  /** Empty: all devices. */
  readonly deviceId: string;
}

/** One page of conflicts, newest first. */
export interface ConflictPage {
  readonly conflicts: readonly ConflictRow[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** A conflict with everything that one needs to explain and to settle it. */
export interface ConflictFile {
  readonly conflict: ConflictRow;
  /** The device's version. */
  readonly local: RecordVersion;
  /** The head's version when it was found; undefined when the record had none. */
  readonly server: RecordVersion | undefined;
  /** Undefined when no common ancestor is known. */
  readonly base: RecordVersion | undefined;
  /** The head now; undefined when the record has none. */
  readonly head: RecordVersion | undefined;
  /** Undefined: the defaults. */
  readonly policy: ConflictPolicy | undefined;
}

/** A decision about a conflict, to be committed if neither the conflict nor the head has moved. */
export interface Settlement {
  readonly id: string;
  /** As the person saw it. */
  readonly etag: string;
  /** The head that the decision is about; undefined: the record had none. */
  readonly headVersion: VersionId | undefined;
  readonly decision: ConflictDecision;
  /** What becomes head; undefined when the head stays. */
  readonly content: SettledContent | undefined;
  readonly fields: readonly FieldConflict[];
  /** Through which door the person came in; undefined: the store names it. */
  readonly origin: Origin | undefined;
  readonly request: RepeatableRequest | undefined;
  /** Check everything, store nothing; the result is what would be. */
  readonly dryRun: boolean;
}

/** Lets a request be repeated: the store remembers its result for 24 hours. */
export interface RepeatableRequest {
  /** A UUID of the caller's choice. */
  readonly id: string;
  /** Hash of what the caller asked for; another one under the same id is refused. */
  readonly fingerprint: string;
}

/** A conflict after it was settled. */
export interface SettledConflict {
  readonly conflict: ConflictRow;
  readonly head: RecordVersion | undefined;
}

/**
 * Where conflicts and policies live: entity-store. Everything is of the household of the user for whom the call is made;
 * what belongs to another one is not found.
 */
export interface ConflictStore {
  list(query: ConflictQuery, caller: OnBehalfOf): Promise<ConflictPage>;
  /** @throws DomainError `not-found`. */
  get(id: string, caller: OnBehalfOf): Promise<ConflictFile>;
  /**
   * @throws DomainError `stale` when the etag or the head is not the current one; `failed-precondition` when the content
   * may not become head.
   */
  settle(settlement: Settlement, caller: OnBehalfOf): Promise<SettledConflict>;
  /** Those that were set. */
  listPolicies(caller: OnBehalfOf): Promise<readonly ConflictPolicy[]>;
  /** @throws DomainError `permission-denied` for anyone but an owner. */
  setPolicy(policy: ConflictPolicy, caller: OnBehalfOf): Promise<ConflictPolicy>;
}
