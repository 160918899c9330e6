import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity, Neighbour, Page, Relationship, SearchHit, SimilarEntity } from "./graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** Which entities to list. */
export interface EntityFilter {
  readonly types: readonly EntityType[];
  /** Only what is located in this room, zone or home, directly or through others. */
  readonly locatedInId?: string | undefined;
  readonly nameContains?: string | undefined;
  readonly limit: number;
  /** From the last page's answer. */
  readonly cursor?: string | undefined;
  /** As of this time; undefined: now. */
  readonly at?: Date | undefined;
}

/** Which neighbours of an entity to answer with. */
export interface NeighbourQuery {
  readonly id: string;
  /** Only over edges of these types, whichever way they point; undefined: all. */
  readonly relations?: readonly RelationshipType[];
  /** Only entities of these types; undefined: all. */
  readonly types?: readonly EntityType[];
  readonly limit: number;
  /** From the last page's answer. */
  readonly cursor?: string | undefined;
  /** As of this time; undefined: now. */
  readonly at?: Date | undefined;
}

/**
 * The household's graph, as the caller may see it. Every method throws a DomainError: `not-found` for what is not there or
 * belongs to somebody else, `invalid` with fields, `unavailable`, ….
 */
export interface HomeGraph {
  getEntity(
    call: ToolCall,
    id: string,
    options?: { readonly at?: Date | undefined; readonly orTombstone?: boolean },
  ): Promise<Entity>;
  /** Those that there are, in the order of the ids. */
  getEntities(call: ToolCall, ids: readonly string[]): Promise<readonly Entity[]>;
  listEntities(call: ToolCall, filter: EntityFilter): Promise<Page<Entity>>;
  /** Best match first; sees what the caller has just written. */
  searchEntities(
    call: ToolCall,
    search: {
      readonly query: string;
      readonly types: readonly EntityType[];
      readonly limit: number;
      readonly cursor?: string | undefined;
    },
  ): Promise<Page<SearchHit>>;
  /** What the entity is located in or part of, nearest first, up to the home. */
  getAncestors(call: ToolCall, id: string, at?: Date): Promise<readonly Entity[]>;
  /** What is located in or part of the entity, directly or through others, nearest first. */
  getDescendants(
    call: ToolCall,
    request: { readonly id: string; readonly types: readonly EntityType[]; readonly limit: number },
  ): Promise<readonly Entity[]>;
  /** By relationship type, name and id. */
  getNeighbours(call: ToolCall, query: NeighbourQuery): Promise<Page<Neighbour>>;
  /** A shortest path as its steps, each with the edge that leads to it; undefined when there is none so short. */
  findPath(
    call: ToolCall,
    request: {
      readonly fromId: string;
      readonly toId: string;
      /** Only over edges of these types; empty: all. */
      readonly relations: readonly RelationshipType[];
      readonly maxSteps: number;
    },
  ): Promise<readonly Neighbour[] | undefined>;
  /** Best first. */
  findSimilar(
    call: ToolCall,
    request: { readonly id: string; readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<Page<SimilarEntity>>;
  getRelationship(call: ToolCall, id: string, options?: { readonly orTombstone?: boolean }): Promise<Relationship>;
  listRelationships(
    call: ToolCall,
    filter: {
      /** Empty: all. */
      readonly relations: readonly RelationshipType[];
      readonly fromId?: string;
      readonly toId?: string;
      readonly limit: number;
      readonly cursor?: string | undefined;
    },
  ): Promise<Page<Relationship>>;
}
