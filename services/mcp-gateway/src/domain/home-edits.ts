import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity, Relationship } from "./graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** What every change of something that is there says. */
export interface Precondition {
  readonly id: string;
  /** The etag that the caller saw; undefined changes whatever is there. */
  readonly etag: string | undefined;
  /** Check everything, store nothing; the answer is what would be. */
  readonly dryRun: boolean;
}

/** A change of some keys of a body; the others stay as they are. */
export interface KeyChanges {
  readonly set: JsonObject;
  readonly remove: readonly string[];
}

/** What a relationship says besides its properties. */
export interface Ends {
  readonly type: RelationshipType;
  readonly fromId: string;
  readonly toId: string;
}

/**
 * Writes to the household's graph. Each is one version, with what the store changes along with it, or nothing at all; it
 * bears the caller's name and the call's origin. Every method throws a DomainError: `not-found`, `invalid` with fields,
 * `stale` with the current etag, `failed-precondition`, `unavailable`, ….
 */
export interface HomeEdits {
  createEntity(
    call: ToolCall,
    draft: { readonly type: EntityType; readonly content: JsonObject; readonly dryRun: boolean },
  ): Promise<Entity>;
  updateEntity(call: ToolCall, change: Precondition & KeyChanges): Promise<Entity>;
  /** Also deletes the entity's relationships, and says which. */
  deleteEntity(call: ToolCall, change: Precondition): Promise<EntityWithEdges>;
  /** Brings back the content of a version; undefined: the last before the delete. With a deleted entity return its relationships where that is possible. */
  restoreEntity(
    call: ToolCall,
    change: Precondition & { readonly version: string | undefined },
  ): Promise<EntityWithEdges>;
  createRelationship(
    call: ToolCall,
    draft: Ends & { readonly properties: JsonObject; readonly dryRun: boolean },
  ): Promise<Relationship>;
  /** `ends` undefined: type and ends stay. */
  updateRelationship(
    call: ToolCall,
    change: Precondition & KeyChanges & { readonly ends: Ends | undefined },
  ): Promise<Relationship>;
  deleteRelationship(call: ToolCall, change: Precondition): Promise<Relationship>;
  restoreRelationship(
    call: ToolCall,
    change: Precondition & { readonly version: string | undefined },
  ): Promise<Relationship>;
}

/** An entity, and the relationships that went or came back with it. */
export interface EntityWithEdges {
  readonly entity: Entity;
  readonly relationshipIds: readonly string[];
}
