import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import type { ConflictDecision, ConflictType, Strategy } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity, EntityRef, Neighbour, Page, Relationship, SearchHit } from "./graph.ts";
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
}

/** A change of some keys of an entity; the others stay as they are. */
export interface EntityPatch {
  readonly id: string;
  /** The etag that the caller saw; undefined changes whatever is there. */
  readonly etag: string | undefined;
  readonly set: JsonObject;
  readonly remove: readonly string[];
  /** Check everything, store nothing. */
  readonly dryRun: boolean;
}

/**
 * The household's graph, as the caller may see and change it. Every method throws a DomainError: `not-found` for what is
 * not there or belongs to somebody else, `invalid` with fields, `stale` with the current etag, `unavailable`, ….
 */
export interface HomeGraph {
  createEntity(
    call: ToolCall,
    draft: { readonly type: EntityType; readonly content: JsonObject; readonly dryRun: boolean },
  ): Promise<Entity>;
  getEntity(call: ToolCall, id: string): Promise<Entity>;
  updateEntity(call: ToolCall, patch: EntityPatch): Promise<Entity>;
  /** Also deletes the entity's relationships, and says which. */
  deleteEntity(
    call: ToolCall,
    request: { readonly id: string; readonly etag: string | undefined; readonly dryRun: boolean },
  ): Promise<{ readonly entity: Entity; readonly relationshipIds: readonly string[] }>;
  listEntities(call: ToolCall, filter: EntityFilter): Promise<Page<Entity>>;
  /** Best match first; sees what the caller has just written. */
  searchEntities(
    call: ToolCall,
    search: { readonly query: string; readonly types: readonly EntityType[]; readonly limit: number },
  ): Promise<readonly SearchHit[]>;
  /** What the entity is located in or part of, nearest first, up to the home. */
  getAncestors(call: ToolCall, id: string): Promise<readonly EntityRef[]>;
  getNeighbours(
    call: ToolCall,
    request: { readonly id: string; readonly limit: number },
  ): Promise<{ readonly neighbours: readonly Neighbour[]; readonly truncated: boolean }>;
  createRelationship(
    call: ToolCall,
    draft: {
      readonly type: RelationshipType;
      readonly fromId: string;
      readonly toId: string;
      readonly properties: JsonObject;
      readonly dryRun: boolean;
    },
  ): Promise<Relationship>;
}

/** A device of the household as sync sees it. */
export interface SyncDevice {
  readonly deviceId: string;
  readonly connected: boolean;
  /** How many changes of the household it has not acknowledged. */
  readonly behind: number;
  /** RFC 3339; undefined when it is not known. */
  readonly lastSeen: string | undefined;
  /** What it says it runs on, for example `ios`; empty when it does not. */
  readonly platform: string;
}

/** The household's devices and how to wake them. Throws DomainErrors. */
export interface DeviceSync {
  listDevices(call: ToolCall): Promise<readonly SyncDevice[]>;
  /** Asks one device, or all connected ones, to sync now; answers how many were asked. */
  requestSync(
    call: ToolCall,
    request: { readonly deviceId: string | undefined; readonly reason: string },
  ): Promise<number>;
}

/** One key on which two edits differ; a side without the key has no value. */
export interface ConflictField {
  readonly field: string;
  readonly device: JsonValue | undefined;
  readonly server: JsonValue | undefined;
  readonly base: JsonValue | undefined;
  readonly decided: JsonValue | undefined;
  readonly rule: string;
}

/** Two edits that contradict each other, and what came of it. */
export interface Conflict {
  readonly id: string;
  readonly recordId: string;
  readonly recordKind: "entity" | "relationship";
  readonly type: ConflictType;
  readonly decision: ConflictDecision;
  readonly strategy: Strategy;
  readonly fields: readonly ConflictField[];
  readonly deviceAuthor: string;
  readonly serverAuthor: string;
  /** RFC 3339. */
  readonly openedAt: string;
  readonly etag: string;
}

/** The inbox of contradictions. Throws DomainErrors. */
export interface ConflictInbox {
  /** Newest first. */
  listConflicts(
    call: ToolCall,
    filter: {
      readonly state: "open" | "settled" | "all";
      readonly recordId: string | undefined;
      readonly limit: number;
      readonly cursor: string | undefined;
    },
  ): Promise<Page<Conflict>>;
}

/** Everything that tools reach. */
export interface Ports {
  readonly graph: HomeGraph;
  readonly devices: DeviceSync;
  readonly conflicts: ConflictInbox;
}
