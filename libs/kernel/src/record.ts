import type { Micros } from "./clock.ts";
import type { RecordContent } from "./content.ts";
import type { Digest } from "./digest.ts";
import type { EntityType, RecordKind, SourceType } from "./entity-type.ts";
import type { DeviceId, Epoch, RecordId, UserId } from "./ids.ts";
import type { RelationshipType } from "./relationship-type.ts";
import type { KeyStamps } from "./stamp.ts";
import type { VersionId } from "./version.ts";

/** What became of a change; see docs/protocol.md, section 4. */
export const OUTCOMES = ["applied", "merged", "superseded", "pending_review", "deferred", "retry", "rejected"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The outcomes with which a version is stored. */
export type StoredOutcome = Extract<Outcome, "applied" | "merged" | "superseded" | "pending_review">;

/** Who wins when histories have parted. */
export const STRATEGIES = ["accept_local", "accept_server", "merge", "manual"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** In which way two edits contradict each other. */
export const CONFLICT_TYPES = ["version_mismatch", "content_conflict", "delete_update", "cyclic_relationship"] as const;
export type ConflictType = (typeof CONFLICT_TYPES)[number];

/** What a contradiction came to. */
export const CONFLICT_DECISIONS = ["open", "kept_server", "took_local", "merged", "edited", "closed"] as const;
export type ConflictDecision = (typeof CONFLICT_DECISIONS)[number];

/** Through which door an API write came in. */
export interface Origin {
  readonly channel: "api" | "mcp";
  readonly clientName: string;
  readonly tool: string;
  readonly callId: string;
}

/** One immutable edit as the log keeps it. */
export interface RecordVersion {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  readonly content: RecordContent;
  readonly source: SourceType;
  readonly deleted: boolean;
  /** 0 for a version that is not stored yet. */
  readonly seq: number;
  readonly author: UserId;
  readonly device: DeviceId;
  readonly sequence: number;
  readonly stamps: KeyStamps;
  readonly claimedUs: Micros;
  readonly effectiveUs: Micros;
  readonly committedUs: Micros;
  /** Undefined for a version that is not stored yet. */
  readonly outcome: StoredOutcome | undefined;
  /** Hexadecimal SHA-256 of the canonical content. */
  readonly contentHash: string;
  /** Retention has removed the body: `content.body` is null and says nothing. */
  readonly bodyRemoved: boolean;
  readonly origin: Origin | undefined;
  readonly healer: UserId | undefined;
}

/** Why a change was rejected or deferred. */
export interface Rejection {
  /** UPPER_SNAKE_CASE. */
  readonly reason: string;
  /** The field of the change; empty when it is none in particular. */
  readonly field: string;
  readonly message: string;
}

/** The one answer to one change. */
export interface ChangeOutcome {
  readonly record: string;
  readonly version: string;
  readonly outcome: Outcome;
  /** The seq of the record's head after the push; 0 when the record has none. */
  readonly headSeq: number;
  readonly duplicate: boolean;
  readonly rejection: Rejection | undefined;
}

/** Where a household's log stands. */
export interface LogPosition {
  readonly epoch: Epoch;
  readonly headSeq: number;
  readonly digest: Digest;
  /** 0: no commit yet. */
  readonly committedUs: Micros;
}

/** One key on which two sides differ; values are JSON texts, undefined where the key is not there. */
export interface FieldConflict {
  readonly field: string;
  readonly localJson: string | undefined;
  readonly serverJson: string | undefined;
  readonly baseJson: string | undefined;
  readonly decidedJson: string | undefined;
  readonly rule: string;
}

/** What conflict-resolution says of a divergence in which something was lost or waits. */
export interface ConflictDraft {
  readonly type: ConflictType;
  readonly strategy: Strategy;
  readonly decision: ConflictDecision;
  readonly fields: readonly FieldConflict[];
}

/** A contradiction as it is kept. */
export interface ConflictRow extends ConflictDraft {
  /** UUIDv7. */
  readonly id: string;
  readonly record: RecordId;
  readonly recordKind: RecordKind;
  readonly localVersion: VersionId;
  readonly serverVersion: VersionId | undefined;
  readonly baseVersion: VersionId | undefined;
  readonly resolvedVersion: VersionId | undefined;
  readonly localAuthor: UserId;
  readonly localDevice: DeviceId;
  readonly serverAuthor: UserId | undefined;
  readonly serverDevice: DeviceId | undefined;
  readonly openedUs: Micros;
  /** 0 while open. */
  readonly settledUs: Micros;
  /** Undefined when a rule settled it. */
  readonly settledBy: UserId | undefined;
  readonly etag: string;
}

/** How a household wants divergences of one entity type to be settled; no type: the default of all others. */
export interface ConflictPolicy {
  readonly entityType: EntityType | undefined;
  /** Undefined: merge. */
  readonly strategy: Strategy | undefined;
  readonly fieldRules: ReadonlyMap<string, string>;
}

/** What the rules of merging look at in a version. */
export type DivergedVersion = Pick<
  RecordVersion,
  | "record"
  | "version"
  | "content"
  | "source"
  | "deleted"
  | "bodyRemoved"
  | "stamps"
  | "effectiveUs"
  | "device"
  | "sequence"
>;

/** A divergence that the store found. */
export interface Divergence {
  /** The device's side: the change at the tip. */
  readonly local: DivergedVersion;
  /** As of when the diverged edits of the push count, as the store writes it down for itself. */
  readonly localTimes: string;
  /** The head. */
  readonly server: DivergedVersion;
  /** Undefined: no common ancestor is known. */
  readonly base: DivergedVersion | undefined;
  readonly wish: Strategy | undefined;
  readonly policy: ConflictPolicy | undefined;
  readonly restored: boolean;
  readonly serverCascade: boolean;
}

/** The content of a merge version. */
export interface MergedContent {
  /** The body or the properties as JSON text; undefined for a tombstone. */
  readonly bodyJson: string | undefined;
  readonly ends: "local" | "server";
  readonly deleted: boolean;
  readonly stamps: KeyStamps;
}

/** What a person's decision on a conflict makes of the record. */
export interface SettledContent extends Omit<MergedContent, "ends"> {
  /** Whose type and ends; `found`: those of the head when the conflict was found, which may have been replaced since. */
  readonly ends: MergedContent["ends"] | "found";
}

/** A divergence as it was resolved. */
export interface Resolution {
  readonly record: RecordId;
  readonly localVersion: VersionId;
  /** The decision holds while the edits count as of these times, and while this is the head: compare-and-set. */
  readonly localTimes: string;
  readonly serverVersion: VersionId;
  readonly decision:
    | { readonly kind: "keep_head" }
    | { readonly kind: "merged"; readonly content: MergedContent }
    | { readonly kind: "pending" };
  readonly conflict: ConflictDraft | undefined;
}

/** A device's edit as it came in: shape parsed, rules not checked yet. */
export interface IncomingChange {
  readonly recordId: string;
  readonly version: string;
  readonly parents: readonly string[];
  readonly content: IncomingContent | undefined;
  readonly deleted: boolean;
  /** 0: the timestamp of the version. */
  readonly claimedUs: Micros;
  readonly checksum: string;
  /** `unknown`: a strategy that nobody has defined. */
  readonly wish: Strategy | "unknown" | undefined;
  /** The keys that the device says it has changed; empty: it does not say. */
  readonly changedKeys: readonly string[];
  /** 0: never deferred. */
  readonly deferredSinceUs: Micros;
  readonly heal: IncomingHeal | undefined;
}

/** Content as it came in; `undefined` types are unknown enum values. */
export type IncomingContent =
  | {
      readonly kind: "entity";
      readonly type: EntityType | undefined;
      readonly source: SourceType | undefined;
      readonly bodyJson: string;
    }
  | {
      readonly kind: "relationship";
      readonly type: RelationshipType | undefined;
      readonly from: string;
      readonly to: string;
      readonly source: SourceType | undefined;
      readonly bodyJson: string;
    };

/** The provenance of a version that is brought back. */
export interface IncomingHeal {
  readonly author: string;
  readonly device: string;
  /** Parses the stamps. @throws DomainError `invalid` when they are malformed. */
  readonly stamps: () => KeyStamps;
  readonly effectiveUs: Micros;
}
