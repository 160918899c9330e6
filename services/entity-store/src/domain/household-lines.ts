import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordContent } from "@funkygibbon/kernel/content";
import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { ConflictRow, Origin, StoredOutcome, Strategy } from "@funkygibbon/kernel/record";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";

/** The format of these lines; another one is refused. */
export const HOUSEHOLD_FORMAT = 1;

/** First line: where the log stands. */
export interface HouseholdLine {
  readonly line: "household";
  readonly format: typeof HOUSEHOLD_FORMAT;
  readonly household: string;
  readonly epoch: string;
  readonly headSeq: number;
  /** Of the live heads, 0 to 2^64 - 1, in decimal. */
  readonly digest: string;
  readonly committedUs: Micros;
  readonly createdUs: Micros;
}

/** One version of the log; they come in the order of their seq, without gaps. Device and sequence stand in `version`. */
export interface VersionLine {
  readonly line: "version";
  readonly seq: number;
  readonly id: RecordId;
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  /** Without its body, which is a text. */
  readonly content:
    | Omit<Extract<RecordContent, { kind: "entity" }>, "body">
    | Omit<Extract<RecordContent, { kind: "relationship" }>, "body">;
  /** Exactly as it was committed; absent in tombstones and where retention took it. */
  readonly body?: string | undefined;
  readonly bodyRemoved?: true | undefined;
  readonly deleted: boolean;
  /** Hexadecimal SHA-256 of the canonical content. */
  readonly contentHash: string;
  readonly stamps: KeyStamps;
  readonly source: SourceType;
  readonly author: string;
  readonly healer?: string | undefined;
  readonly claimedUs: Micros;
  readonly effectiveUs: Micros;
  readonly committedUs: Micros;
  readonly outcome: StoredOutcome;
  readonly origin?: Origin | undefined;
  /** It is what counts now. */
  readonly head?: true | undefined;
  /** A head that fell with the entity at one of its ends. */
  readonly cascaded?: true | undefined;
}

/** A contradiction. */
export interface ConflictLine extends ConflictRow {
  readonly line: "conflict";
}

/** A person's decision that left the record as it was, as the audit view tells it. */
export interface DecisionLine {
  readonly line: "decision";
  readonly conflict: string;
  /** The conflict's after the decision. */
  readonly revision: number;
  readonly record: RecordId;
  /** The newest version of the log then. */
  readonly seq: number;
  readonly decidedUs: Micros;
  readonly author: string;
  readonly origin: Origin;
}

/** How conflicts of a type are settled. */
export interface PolicyLine {
  readonly line: "policy";
  /** Absent: all types without a policy of their own. */
  readonly entityType?: EntityType | undefined;
  readonly strategy?: Strategy | undefined;
  readonly fieldRules: readonly (readonly [key: string, rule: string])[];
  readonly changedUs: Micros;
  readonly changedBy: string;
}

/** A device and its durable clock. Session keys and cursors belong to the epoch and stay behind. */
export interface DeviceLine {
  readonly line: "device";
  readonly device: string;
  readonly user?: string | undefined;
  readonly highestSequence: number;
  readonly newestVersion?: string | undefined;
  readonly newestEffectiveUs: Micros;
  readonly lastSeenUs: Micros;
  readonly clientVersion: string;
  readonly platform: string;
}

/** Last line: without it the file is not whole. */
export interface EndLine {
  readonly line: "end";
  /** How many lines come before this one. */
  readonly lines: number;
}

/** A household as lines: household, versions, conflicts, decisions, policies, devices, end. */
export type ExportLine = HouseholdLine | VersionLine | ConflictLine | DecisionLine | PolicyLine | DeviceLine | EndLine;
