import type { Micros } from "@funkygibbon/kernel/clock";
import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { VersionId } from "@funkygibbon/kernel/version";

/** What the API shows of any record: its version at the time that was asked for. */
export interface RecordView {
  readonly id: RecordId;
  readonly source: SourceType;
  /** Body or properties as the text that was committed; empty for a tombstone and when retention took it. */
  readonly bodyJson: string;
  readonly version: VersionId;
  readonly seq: number;
  readonly author: UserId;
  /** When this version was committed. */
  readonly committedUs: Micros;
  /** When the first accepted version of the record was committed. */
  readonly createdUs: Micros;
  readonly deleted: boolean;
  readonly bodyRemoved: boolean;
}

/** A node as the API shows it. */
export interface EntityView extends RecordView {
  readonly kind: "entity";
  readonly type: EntityType;
  /** The key `name` of the body, empty when it is no text. */
  readonly name: string;
  /** The name as lists sort it: at most 256 characters. */
  readonly sortName: string;
}

/** An edge as the API shows it. */
export interface RelationshipView extends RecordView {
  readonly kind: "relationship";
  readonly type: RelationshipType;
  readonly from: RecordId;
  readonly to: RecordId;
}

/** Which way edges are followed: `out` from their `from` to their `to`. */
export type Direction = "out" | "in" | "both";

/** One edge, followed from one end to the other. */
export interface Step {
  readonly start: RecordId;
  readonly reached: RecordId;
  readonly relationship: RecordId;
  /** Followed from its `to` to its `from`. */
  readonly inverse: boolean;
}

/** Asks for the live edges between a set of nodes and live nodes around them. */
export interface StepQuery {
  readonly frontier: readonly RecordId[];
  readonly direction: Direction;
  /** Empty: all. */
  readonly types: readonly RelationshipType[];
}

/** Asks for each node around a set of nodes once. */
export interface AroundQuery extends StepQuery {
  /** Nodes that are known already. */
  readonly exclude: { has(node: RecordId): boolean };
  /** Nodes that are looked for: when there are any of them around, nothing else matters and is answered. */
  readonly goals: readonly RecordId[];
}

/** Asks for each live node around a set of nodes once. */
export interface ExpandQuery extends StepQuery {
  /** Nodes that are known already. */
  readonly exclude: readonly RecordId[];
  /** At most this many. */
  readonly limit: number;
}

/** Asks for the edges of one node. */
export interface NeighbourQuery {
  readonly entity: RecordId;
  readonly direction: Direction;
  readonly types: readonly RelationshipType[];
  /** Types of the other end; empty: all. */
  readonly entityTypes: readonly EntityType[];
  readonly after?: NeighbourPosition | undefined;
  readonly limit: number;
}

/** Where an edge stands in the order of {@link NeighbourQuery}. */
export interface NeighbourPosition {
  readonly type: RelationshipType;
  readonly sortName: string;
  readonly reached: RecordId;
  readonly relationship: RecordId;
}

/** An edge of a node with the node at its other end. */
export interface Neighbour {
  readonly relationship: RelationshipView;
  readonly entity: EntityView;
  /** Followed from its `to` to its `from`. */
  readonly inverse: boolean;
}

/** Asks for what is in a node. */
export interface ContainedQuery {
  readonly entity: RecordId;
  /** The types of the edges that say so. */
  readonly types: readonly RelationshipType[];
  readonly maxDistance: number;
}

/** A node that is in another, directly or through others. */
export interface Contained {
  readonly id: RecordId;
  /** The least number of edges to it; 1: directly. */
  readonly distance: number;
}

/** A page of entities, ordered by type, name and id. */
export interface EntityListQuery {
  readonly types: readonly EntityType[];
  readonly sources: readonly SourceType[];
  /** Only these records; undefined: all. */
  readonly among: readonly RecordId[] | undefined;
  /** Only names that contain this text, whatever the case; empty: all. */
  readonly nameContains: string;
  readonly after: EntityPosition | undefined;
  readonly limit: number;
}

/** Sort key of an entity in lists. */
export interface EntityPosition {
  readonly type: EntityType;
  readonly sortName: string;
  readonly id: RecordId;
}

/** A page of relationships, ordered by type and id. */
export interface RelationshipListQuery {
  readonly types: readonly RelationshipType[];
  readonly from: RecordId | undefined;
  readonly to: RecordId | undefined;
  /** At either end. */
  readonly entity: RecordId | undefined;
  readonly after: RelationshipPosition | undefined;
  readonly limit: number;
}

/** Sort key of a relationship in lists. */
export interface RelationshipPosition {
  readonly type: RelationshipType;
  readonly id: RecordId;
}

/**
 * One household's graph at one moment: now, or as of a past commit time. Everything read through one snapshot agrees
 * with itself. Edges with a dead end are not live (they cannot be, I11; a reader does not bet on it).
 */
export interface GraphSnapshot {
  /** Those that exist at that time, tombstones included, by id. */
  entities(ids: readonly RecordId[]): Promise<ReadonlyMap<RecordId, EntityView>>;
  /** Those that exist at that time, tombstones included, by id. */
  relationships(ids: readonly RecordId[]): Promise<ReadonlyMap<RecordId, RelationshipView>>;
  listEntities(query: EntityListQuery): Promise<readonly EntityView[]>;
  countEntities(query: EntityListQuery): Promise<number>;
  listRelationships(query: RelationshipListQuery): Promise<readonly RelationshipView[]>;
  countRelationships(query: RelationshipListQuery): Promise<number>;
  /** The live edges of one node to live nodes, by relationship type, name of the other end and its id. */
  neighbours(query: NeighbourQuery): Promise<readonly Neighbour[]>;
  /** Every node in another, in any order. As with `around`, nothing is asked about the nodes themselves. */
  contained(query: ContainedQuery): Promise<readonly Contained[]>;
  /**
   * The nodes around a set of nodes, each once (by its least edge), in any order. Nothing is asked about the nodes
   * themselves, so one that is dead or none may be among them.
   */
  around(query: AroundQuery): Promise<readonly Step[]>;
  /** The live nodes around a set of nodes, each once (by its least edge), ordered by name and id. */
  expand(query: ExpandQuery): Promise<readonly Step[]>;
  /** The live edges of which both ends are among these nodes, ordered by type and id. */
  edgesAmong(ids: readonly RecordId[]): Promise<readonly RelationshipView[]>;
}

/** Asks for a page of what differs between two times. */
export interface GraphDifferenceQuery {
  readonly household: HouseholdId;
  readonly since: Micros;
  /** Undefined: now. */
  readonly until: Micros | undefined;
  /** Where the last page ended; undefined: the first page. */
  readonly after: DifferencePosition | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** How far a difference was read; its pages agree on the two moments, which are seqs of the log. */
export interface DifferencePosition {
  readonly sinceSeq: number;
  readonly untilSeq: number;
  readonly seq: number;
}

/** A record that differs: live before, after, or at both times with another content. */
export interface RecordDifference {
  readonly before: EntityView | RelationshipView | undefined;
  readonly after: EntityView | RelationshipView | undefined;
  /** Sorted; empty unless the record is live at both times. */
  readonly changedKeys: readonly string[];
  /** Of the version by which it got its later state, a tombstone too. */
  readonly author: UserId;
  readonly committedUs: Micros;
}

/** A page of differences, in the order in which the records got their later state. */
export interface GraphDifferencePage {
  readonly differences: readonly RecordDifference[];
  /** Undefined on the last page. */
  readonly next: DifferencePosition | undefined;
}

/** Where snapshots come from. */
export interface GraphReads {
  /** What differs between two commit times, each record once. */
  difference(query: GraphDifferenceQuery): Promise<GraphDifferencePage>;
  /** Runs `read` on one snapshot. `at` undefined: now. */
  snapshot<T>(
    options: { readonly household: HouseholdId; readonly at: Micros | undefined; readonly signal?: AbortSignal },
    read: (snapshot: GraphSnapshot) => Promise<T>,
  ): Promise<T>;
}
