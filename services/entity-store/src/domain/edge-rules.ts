import type { RelationshipContent } from "@funkygibbon/kernel/content";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { ACYCLIC_TYPES, mayConnect, type RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Head } from "./stored-version.ts";
import type { WorkingLog } from "./working-log.ts";

/** Whether an edge may become head (docs/protocol.md, 4 rule 5). */
export type EdgeVerdict =
  | { readonly kind: "allowed" }
  /** An end is not in the log. */
  | { readonly kind: "unknown-end"; readonly field: string }
  /** No edge of this type connects such records, ever. */
  | { readonly kind: "forbidden"; readonly message: string }
  /** An end is deleted. */
  | { readonly kind: "dead-end" }
  /** It would close a cycle of a type that forms trees. */
  | { readonly kind: "cycle" };

const ALLOWED: EdgeVerdict = { kind: "allowed" };

/** Judges a live edge against the graph as it is now, whatever the edge's own head says. */
export function judgeEdge(log: WorkingLog, record: RecordId, edge: RelationshipContent): EdgeVerdict {
  const from = log.head(edge.from);
  if (from === undefined) return { kind: "unknown-end", field: "relationship.from_id" };
  const to = log.head(edge.to);
  if (to === undefined) return { kind: "unknown-end", field: "relationship.to_id" };
  const fromType = entityTypeOf(from);
  const toType = entityTypeOf(to);
  if (fromType === undefined || toType === undefined) {
    return { kind: "forbidden", message: "a relationship connects entities, not relationships" };
  }
  if (!mayConnect(edge.type, fromType, toType)) {
    return { kind: "forbidden", message: `${edge.type} cannot lead from a ${fromType} to a ${toType}` };
  }
  if (from.deleted || to.deleted) return { kind: "dead-end" };
  if (ACYCLIC_TYPES.has(edge.type) && closesCycle(log, record, edge)) return { kind: "cycle" };
  return ALLOWED;
}

function closesCycle(log: WorkingLog, record: RecordId, edge: RelationshipContent): boolean {
  const visited = new Set<RecordId>();
  const waiting = [edge.to];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node === edge.from) return true;
    if (visited.has(node)) continue;
    visited.add(node);
    waiting.push(...log.upwards(edge.type, node, record));
  }
  return false;
}

function entityTypeOf(head: Head): EntityType | undefined {
  // A head of kind entity has an entity's type: rows come from one content.
  return head.kind === "entity" ? (head.type as EntityType) : undefined;
}

/** The type of an edge's head. */
export function relationshipTypeOf(head: Head): RelationshipType | undefined {
  return head.kind === "relationship" ? (head.type as RelationshipType) : undefined;
}
