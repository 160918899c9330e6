import { ENTITY_TYPES, SOURCE_TYPES } from "@funkygibbon/kernel/entity-type";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { z } from "zod";

/** An id or a name in an argument: room for the longest name that search takes, and never empty. */
export function reference(description: string) {
  return z.string().trim().min(1).max(200).describe(description);
}

/** A JSON object of any keys. Not `z.record`, which drops a key named `__proto__`. */
export function jsonObject(description: string) {
  return z
    .custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
      error: "must be a JSON object",
    })
    .meta({ type: "object", description });
}

/** How many items to answer with. */
export function limit(fallback: number, max: number) {
  return z.int().min(1).max(max).default(fallback);
}

/** Where the last page ended. */
export const cursor = z.string().max(2_000).describe("next_cursor of the last answer").optional();

/** Properties to show besides id, type and name. */
export const fields = z.array(z.string().max(200)).max(20).describe("Properties to show, e.g. manufacturer").optional();

/** A point in time; see `parseMoment`. */
export function moment(description: string) {
  return z.string().max(40).describe(description);
}

/** Check without storing. */
export const dryRun = z.boolean().default(false).describe("Check everything, store nothing");

/** The etag of get_entity_details. */
export const etag = z.string().min(1).max(200).describe("From get_entity_details; refuses if changed since").optional();

/** The types of entities. */
export const entityType = z.enum(ENTITY_TYPES);

/** The types of relationships. */
export const relationshipType = z.enum(RELATIONSHIP_TYPES);

/** An entity in an answer, by name. */
export const entityRef = z.object({ id: z.string(), type: z.string(), name: z.string() });

/** An entity in a list. */
export const entitySummary = entityRef.extend({
  updated_at: z.string(),
  fields: z.record(z.string(), z.unknown()).optional(),
});

/** A list of entities. */
export const entityList = {
  entities: z.array(entitySummary),
  total: z.int().optional(),
  next_cursor: z.string().optional(),
};

/** An entity in an answer, and how it is related to the one in question. */
export const related = z.object({ relation: z.string(), entity: entityRef });

/** An entity that was written. */
export const writtenEntity = entityRef.extend({ version: z.string(), etag: z.string() });

/** What every write answers with besides its result. */
export const writeReceipt = {
  dry_run: z.boolean(),
  call_id: z.string().describe("For undo"),
};

/** An entity in full. */
export const entityDetails = writtenEntity.extend({
  source: z.enum(SOURCE_TYPES),
  content: z.record(z.string(), z.unknown()),
  author: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});
