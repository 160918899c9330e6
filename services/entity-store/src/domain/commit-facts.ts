import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy, ConflictRow, LogPosition, StoredOutcome } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { Head, LineageEntry, StoredVersion } from "./stored-version.ts";

/** What a plan asks of the log. The first asking is computed from the job; a plan that meets something rarer asks for more. */
export interface FactNeeds {
  /** Heads; `true` with the whole version. */
  readonly heads: Map<RecordId, boolean>;
  /** Which version bears a device's sequence. */
  readonly sequences: Map<string, SequenceKey>;
  readonly clocks: Set<DeviceId>;
  /** Effective times of the known neighbours of a sequence, by {@link sequenceKey}. */
  readonly neighbours: Map<string, SequenceKey>;
  /** Edges at entities, by {@link fateKey}. */
  readonly edges: Map<string, EntityFate>;
  /** Live edges upwards from a node, by {@link wayKey}. */
  readonly ways: Map<string, WayStart>;
  readonly openConflicts: Set<RecordId>;
  readonly lineages: Set<RecordId>;
  /** Whole versions, by {@link versionKey}. */
  readonly versions: Map<string, VersionKey>;
  readonly conflicts: Set<string>;
  readonly requests: Set<string>;
  policies: boolean;
}

/** A device's sequence. */
export interface SequenceKey {
  readonly device: DeviceId;
  readonly sequence: number;
}

/** What is about to happen to an entity: its live edges go when it dies; those that its deletion took return when it lives. */
export interface EntityFate {
  readonly entity: RecordId;
  readonly fate: "dies" | "lives";
}

/** Where walking upwards starts. */
export interface WayStart {
  readonly type: RelationshipType;
  readonly node: RecordId;
}

/** A version of a record. */
export interface VersionKey {
  readonly record: RecordId;
  readonly version: VersionId;
}

/** A version that bears a sequence: enough to tell a resend from a sequence used twice. */
export interface KnownVersion extends SequenceKey {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  readonly deleted: boolean;
  /** Hexadecimal; covers type and ends too. */
  readonly contentHash: string;
  readonly kind: Head["kind"];
  readonly effectiveUs: Micros;
  readonly outcome: StoredOutcome;
}

/** A device's durable clock. */
export interface DeviceClock {
  readonly device: DeviceId;
  readonly sequence: number;
  readonly version: VersionId;
  readonly effectiveUs: Micros;
}

/** Effective times around a sequence; undefined where nothing is known on that side. */
export interface Neighbours {
  readonly lowerUs: Micros | undefined;
  readonly higherUs: Micros | undefined;
}

/** An edge on the way upwards. */
export interface WayEdge {
  readonly type: RelationshipType;
  readonly record: RecordId;
  readonly from: RecordId;
  readonly to: RecordId;
}

/** The remembered result of an API write. */
export interface RememberedRequest {
  readonly fingerprint: string;
  readonly result: string;
  readonly createdUs: Micros;
}

/** What the log answered. A missing key was never asked; an answer of `null` (or an empty list) says that there is nothing. */
export interface FactSheet {
  readonly heads: Map<RecordId, Head | null>;
  readonly sequences: Map<string, KnownVersion | null>;
  readonly clocks: Map<DeviceId, DeviceClock | null>;
  readonly neighbours: Map<string, Neighbours>;
  readonly edges: Map<string, readonly Head[]>;
  /** Live edges upwards from a node, by {@link wayKey}; all nodes that can be reached from one that was asked are there. */
  readonly ways: Map<string, readonly WayEdge[]>;
  readonly openConflicts: Map<RecordId, readonly ConflictRow[]>;
  readonly lineages: Map<RecordId, readonly LineageEntry[]>;
  readonly versions: Map<string, StoredVersion | null>;
  readonly conflicts: Map<string, ConflictRow | null>;
  readonly requests: Map<string, RememberedRequest | null>;
  policies: readonly ConflictPolicy[] | undefined;
}

/** What the log said, all of one moment under the household's lock. */
export interface CommitFacts extends FactSheet {
  readonly position: LogPosition;
  /** Whether any conflict of the household waits for a person; mostly none does, and nobody has to ask further. */
  readonly anyOpenConflict: boolean;
}

/** `<device> <sequence>`. */
export function sequenceKey({ device, sequence }: SequenceKey): string {
  return `${device} ${sequence}`;
}

/** `<entity> <fate>`. */
export function fateKey({ entity, fate }: EntityFate): string {
  return `${entity} ${fate}`;
}

/** `<type> <node>`. */
export function wayKey({ type, node }: WayStart): string {
  return `${type} ${node}`;
}

/** `<record> <version>`. */
export function versionKey({ record, version }: VersionKey): string {
  return `${record} ${version}`;
}

/** Asks for nothing yet. */
export function noNeeds(): FactNeeds {
  return {
    heads: new Map(),
    sequences: new Map(),
    clocks: new Set(),
    neighbours: new Map(),
    edges: new Map(),
    ways: new Map(),
    openConflicts: new Set(),
    lineages: new Set(),
    versions: new Map(),
    conflicts: new Set(),
    requests: new Set(),
    policies: false,
  };
}

/** Nothing has been answered yet. */
export function emptySheet(): FactSheet {
  return {
    heads: new Map(),
    sequences: new Map(),
    clocks: new Map(),
    neighbours: new Map(),
    edges: new Map(),
    ways: new Map(),
    openConflicts: new Map(),
    lineages: new Map(),
    versions: new Map(),
    conflicts: new Map(),
    requests: new Map(),
    policies: undefined,
  };
}

/** Asks for a head, in detail when anybody wants it so. */
export function needHead(needs: FactNeeds, record: RecordId, detail: boolean): void {
  needs.heads.set(record, detail || needs.heads.get(record) === true);
}

/** Whether nothing is asked for. */
export function isSatisfied(needs: FactNeeds): boolean {
  return Object.values(needs).every((need) => (typeof need === "boolean" ? !need : need.size === 0));
}
