import type { Micros } from "@funkygibbon/kernel/clock";
import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";

/** Enough of an entity to name it and to ask for it. */
export interface EntityRef {
  readonly id: string;
  readonly type: EntityType;
  /** Empty when the entity has none. */
  readonly name: string;
}

/** An entity as of the time that was asked about; a tombstone right after its delete. */
export interface Entity extends EntityRef {
  readonly source: SourceType;
  /** All its properties, `name` included. */
  readonly content: JsonObject;
  readonly version: string;
  /** Changes with every version. */
  readonly etag: string;
  /** The user who wrote the newest version. */
  readonly author: string;
  /** RFC 3339; when the newest version was committed. */
  readonly updatedAt: string;
  /** RFC 3339; when the first version was committed. */
  readonly createdAt: string;
  /** A tombstone: it has no content. */
  readonly deleted: boolean;
}

/** A relationship, read from `fromId` to `toId`. */
export interface Relationship {
  readonly id: string;
  readonly type: RelationshipType;
  readonly fromId: string;
  readonly toId: string;
  readonly properties: JsonObject;
  readonly version: string;
  readonly etag: string;
  /** A tombstone: it has no properties. */
  readonly deleted: boolean;
}

/** An entity at the other end of an edge. */
export interface Neighbour {
  readonly relationshipId: string;
  /** When the edge's newest version was committed. */
  readonly committedUs: Micros;
  /** The edge as it reads from where one came: `located_in`, or `contains` when it points the other way. */
  readonly relation: string;
  readonly entity: Entity;
}

/** An entity like another one; `score` is 0 to 1, higher is more alike. */
export interface SimilarEntity {
  readonly entity: Entity;
  readonly score: number;
  /** The properties on which both agree. */
  readonly sharedKeys: readonly string[];
}

/** How a search hit matched, best first. */
export type MatchKind = "exact" | "prefix" | "substring" | "content" | "fuzzy";

/** A search hit; `score` is 0 to 1 and comparable within one answer only. */
export interface SearchHit {
  readonly entity: Entity;
  readonly match: MatchKind;
  readonly score: number;
}

/** One page in a stable order; `nextCursor` is undefined on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | undefined;
  /** How many there are in all, when that was asked for. */
  readonly total: number | undefined;
}
