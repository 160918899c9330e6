import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import { isUuid } from "@funkygibbon/kernel/ids";
import { findEntity } from "./find-entity.ts";
import type { Entity, Relationship } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import { orNothing } from "./or-nothing.ts";
import type { ToolCall } from "./tool-call.ts";

/** A record that a model means, living or deleted. */
export type FoundRecord =
  | { readonly kind: Extract<RecordKind, "entity">; readonly record: Entity }
  | { readonly kind: Extract<RecordKind, "relationship">; readonly record: Relationship };

/**
 * The entity or relationship with this id, deleted ones too, or the living entity with this name.
 * @throws ToolFault as {@link findEntity}.
 */
export async function findRecord(
  graph: HomeGraph,
  call: ToolCall,
  reference: { readonly text: string; readonly field: string },
): Promise<FoundRecord> {
  const { text } = reference;
  if (isUuid(text)) {
    const id = text.toLowerCase();
    const [entity, relationship] = await Promise.all([
      orNothing(graph.getEntity(call, id, { orTombstone: true })),
      orNothing(graph.getRelationship(call, id, { orTombstone: true })),
    ]);
    if (entity !== undefined) return { kind: "entity", record: entity };
    if (relationship !== undefined) return { kind: "relationship", record: relationship };
  }
  return { kind: "entity", record: await findEntity(graph, call, { ...reference, types: [] }) };
}
