import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordContent, RelationshipContent } from "@funkygibbon/kernel/content";
import type { RecordKind, SourceType } from "@funkygibbon/kernel/entity-type";
import type { DeviceId, Epoch, HouseholdId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type {
  ChangeOutcome,
  ConflictDecision,
  ConflictRow,
  Divergence,
  FieldConflict,
  LogPosition,
  Origin,
  RecordVersion,
  Resolution,
  SettledContent,
} from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { PreparedChange } from "./prepared-change.ts";
import type { StoredVersion } from "./stored-version.ts";

/**
 * Everything that may be written to a household's log. All of it goes through {@link CommitLog.commit}, hence through
 * the one planner: no write can get around lineage, endpoint rules, cycles, cascades or the digest.
 */
export type CommitJob = DevicePush | ApiWrite | Settlement;

interface JobBase {
  readonly household: HouseholdId;
  /** On whose behalf; the author of what is written. */
  readonly user: UserId;
  /** When the request was received. */
  readonly receivedUs: Micros;
}

/** A batch of edits of one device, heals among them (docs/protocol.md, section 4). */
export interface DevicePush extends JobBase {
  readonly kind: "push";
  /** As the device knows it; another one is refused with EPOCH_CHANGED. */
  readonly epoch: Epoch;
  readonly device: DeviceId;
  /** The device's clock minus the server's, in microseconds. */
  readonly clockOffsetUs: number;
  /** As of when the newest edit of the device before these counts, stored or not: none of these counts as older. 0: none. */
  readonly notBeforeUs: Micros;
  readonly changes: readonly PreparedChange[];
  readonly resolutions: readonly Resolution[];
}

/** One write through the entity API or MCP (docs/protocol.md, 4 rule 8). */
export interface ApiWrite extends JobBase {
  readonly kind: "api";
  readonly origin: Origin;
  readonly request: RequestKey | undefined;
  /** Check everything, store nothing; the result is what would be. */
  readonly dryRun: boolean;
  readonly action: ApiAction;
}

/** A caller's id of a write; the same key within 24 hours gets the first result again. */
export interface RequestKey {
  readonly id: string;
  /** Tells two requests apart, for example a hash over method, user and message. Another one under the same id: REQUEST_ID_REUSED. */
  readonly fingerprint: string;
}

/** The version that must be head (an etag), or `any` for whatever is there. */
export type ExpectedHead = VersionId | "any";

/** What an API write does to one record. */
export type ApiAction =
  | {
      readonly kind: "create";
      readonly record: RecordId;
      /** Its body is an object. */
      readonly content: RecordContent;
      readonly source: SourceType;
    }
  | {
      readonly kind: "update";
      readonly record: RecordId;
      readonly recordKind: RecordKind;
      readonly expected: ExpectedHead;
      readonly body: BodyChange;
      /** New type and ends of a relationship; undefined keeps them. */
      readonly ends: Pick<RelationshipContent, "type" | "from" | "to"> | undefined;
      /** Undefined keeps the head's. */
      readonly source: SourceType | undefined;
    }
  | {
      readonly kind: "delete";
      readonly record: RecordId;
      readonly recordKind: RecordKind;
      readonly expected: ExpectedHead;
    }
  | {
      readonly kind: "restore";
      readonly record: RecordId;
      readonly recordKind: RecordKind;
      readonly expected: ExpectedHead;
      /** Whose content comes back; undefined: the newest live one. */
      readonly version: VersionId | undefined;
    };

/** How an update changes the body of the head. */
export type BodyChange =
  | { readonly kind: "replace"; readonly body: JsonObject }
  /** Sets some top-level keys and removes others; the rest stays as the head has it. */
  | { readonly kind: "patch"; readonly set: JsonObject; readonly remove: readonly string[] };

/** A person's decision on a conflict (docs/protocol.md, section 5). */
export interface Settlement extends JobBase {
  readonly kind: "settlement";
  readonly conflictId: string;
  /** The conflict as the person saw it. */
  readonly etag: string;
  /** The head that the decision is about; undefined: the record had none. */
  readonly expectedHead: VersionId | undefined;
  readonly decision: Exclude<ConflictDecision, "open" | "closed">;
  /** What becomes head; undefined with `kept_server`. */
  readonly content: SettledContent | undefined;
  /** The keys and what was decided for each; empty keeps those of the conflict. */
  readonly fields: readonly FieldConflict[];
  readonly origin: Origin;
  readonly request: RequestKey | undefined;
  /** Check everything, store nothing; the result is what would be. */
  readonly dryRun: boolean;
}

/** What became of a push. */
export interface PushResult {
  readonly kind: "push";
  /** In the order of the changes; undefined for those among the divergences. */
  readonly outcomes: readonly (ChangeOutcome | undefined)[];
  /** Where every change became head, in the order of the push, and nothing else was written: what was written. */
  readonly applied: readonly StoredVersion[] | undefined;
  readonly divergences: readonly Divergence[];
  /** Conflict rows that were written. */
  readonly conflicts: readonly ConflictRow[];
  readonly position: LogPosition;
  /** First and last seq that were written; 0 when none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The device's newest version by sequence in the log. */
  readonly deviceVersion: VersionId | undefined;
  /** As of when the newest of the device's edits counts, stored or not; 0: there is none. */
  readonly newestUs: Micros;
}

/** What an API write did. */
export interface ApiResult {
  readonly kind: "api";
  /** The head that the write left; a tombstone after a delete. */
  readonly head: RecordVersion;
  /** Relationships that went or came back with an entity. */
  readonly cascaded: readonly RecordId[];
  readonly position: LogPosition;
  /** The result of an earlier request with the same id. */
  readonly replayed: boolean;
}

/** What a settlement did. */
export interface SettlementResult {
  readonly kind: "settlement";
  /** As the settlement left it. */
  readonly conflict: ConflictRow;
  /** The head that it left; undefined when the record had none. */
  readonly head: RecordVersion | undefined;
  readonly position: LogPosition;
  readonly replayed: boolean;
}

/** The result that belongs to a job. */
export type ResultOf<Job extends CommitJob> = Job extends DevicePush
  ? PushResult
  : Job extends ApiWrite
    ? ApiResult
    : SettlementResult;

/** The one way into the log. */
export interface CommitLog {
  /**
   * Commits one job: all of it or nothing, durable when the promise resolves. Jobs of one household are committed in
   * the order of the calls.
   * @throws DomainError `failed-precondition` (EPOCH_CHANGED; for API writes and settlements also CYCLIC_RELATIONSHIP,
   * ENDPOINT_DELETED, ENDPOINT_UNKNOWN), `not-found`, `already-exists`, `stale` (the current etag in `details.etag`),
   * `invalid` (API writes: FORBIDDEN_ENDPOINTS, TYPE_CHANGED, KIND_CHANGED, REQUEST_ID_REUSED) or `unavailable`.
   * Faults inside one change of a push never throw: they are that change's outcome.
   */
  commit<Job extends CommitJob>(job: Job): Promise<ResultOf<Job>>;
}
