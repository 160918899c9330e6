/** What an entity is. The type of an entity never changes. */
export const ENTITY_TYPES = [
  "home",
  "room",
  "device",
  "accessory",
  "service",
  "zone",
  "door",
  "window",
  "procedure",
  "manual",
  "note",
  "schedule",
  "automation",
  "app",
] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];

/** Where a record came from. Not part of its content. */
export const SOURCE_TYPES = ["manual", "homekit", "matter", "imported", "automated", "generated", "mcp"] as const;
export type SourceType = (typeof SOURCE_TYPES)[number];

/** What kind of record an id names: a node or an edge. */
export type RecordKind = "entity" | "relationship";
