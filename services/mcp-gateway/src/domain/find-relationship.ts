import { isUuid } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { bothInOrder } from "./both-in-order.ts";
import { findEntity } from "./find-entity.ts";
import type { Relationship } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import { nameText } from "./name-text.ts";
import { orNothing } from "./or-nothing.ts";
import type { ToolCall } from "./tool-call.ts";
import { type ArgumentFault, invalidArguments, ToolFault } from "./tool-fault.ts";

/** A relationship as a model names it: by its id, or by what it says. */
export interface RelationshipReference {
  readonly relationshipId: string | undefined;
  readonly type: RelationshipType | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const MAX_ALIKE = 20;

/**
 * The living relationship that the model means.
 * @throws ToolFault INVALID_ARGUMENTS, RELATIONSHIP_UNKNOWN with those that there are between both ends,
 * RELATIONSHIP_AMBIGUOUS with their ids, RELATIONSHIP_DELETED, RELATIONSHIP_WRONG_TYPE for the id of an entity.
 */
export async function findRelationship(
  graph: HomeGraph,
  call: ToolCall,
  reference: RelationshipReference,
): Promise<Relationship> {
  const { relationshipId, type, from, to } = reference;
  const named = [type, from, to].filter((part) => part !== undefined).length;
  if (relationshipId !== undefined && named === 0) return findById(graph, call, relationshipId);
  if (relationshipId === undefined && type !== undefined && from !== undefined && to !== undefined) {
    return findByEnds(graph, call, { type, from, to });
  }
  throw invalidArguments([
    { field: "relationship_id", problem: "is needed alone, or else type, from and to together" },
  ]);
}

async function findById(graph: HomeGraph, call: ToolCall, text: string): Promise<Relationship> {
  const id = text.toLowerCase();
  if (!isUuid(id)) {
    throw invalidArguments([{ field: "relationship_id", problem: "is no id; give type, from and to instead" }]);
  }
  const found = await orNothing(graph.getRelationship(call, id, { orTombstone: true }));
  if (found !== undefined && !found.deleted) return found;
  if (found !== undefined) {
    throw new ToolFault(`The relationship ${id} has ended already.`, {
      reason: "RELATIONSHIP_DELETED",
      hint: "get_history tells who ended it; undo brings it back.",
    });
  }
  const entity = await orNothing(graph.getEntity(call, id));
  if (entity !== undefined) {
    throw new ToolFault(`relationship_id: ${id} is the ${entity.type} "${nameText(entity.name)}", no relationship.`, {
      reason: "RELATIONSHIP_WRONG_TYPE",
      hint: "get_entity_details lists its relationships; delete_entity would delete the thing itself.",
    });
  }
  throw new ToolFault(`There is no relationship with the id ${id}.`, {
    reason: "RELATIONSHIP_UNKNOWN",
    hint: "Give type, from and to instead; get_entity_details lists the relationships of an entity.",
  });
}

async function findByEnds(
  graph: HomeGraph,
  call: ToolCall,
  wanted: { readonly type: RelationshipType; readonly from: string; readonly to: string },
): Promise<Relationship> {
  const { type } = wanted;
  const [from, to] = await bothInOrder(
    findEntity(graph, call, { text: wanted.from, field: "from", types: [] }),
    findEntity(graph, call, { text: wanted.to, field: "to", types: [] }),
  );
  const ends = { fromId: from.id, toId: to.id, limit: MAX_ALIKE };
  const { items } = await graph.listRelationships(call, { ...ends, relations: [type] });
  const [found, ...others] = items;
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined) {
    throw new ToolFault(`${items.length} relationships say so; name one by its id.`, {
      reason: "RELATIONSHIP_AMBIGUOUS",
      arguments: [{ field: "relationship_id", problem: "is needed", allowed: items.map(({ id }) => id) }],
    });
  }
  const between = await Promise.all([
    graph.listRelationships(call, { ...ends, relations: [] }),
    graph.listRelationships(call, { ...ends, fromId: to.id, toId: from.id, relations: [] }),
  ]);
  const [straight, inverse] = between.map((page) => page.items);
  throw new ToolFault(`"${nameText(from.name)}" is not ${type} "${nameText(to.name)}".`, {
    reason: "RELATIONSHIP_UNKNOWN",
    arguments: [...allowedTypes(straight ?? [], ""), ...allowedTypes(inverse ?? [], " with from and to exchanged")],
    hint: "get_entity_details lists the relationships of an entity.",
  });
}

function allowedTypes(relationships: readonly Relationship[], how: string): readonly ArgumentFault[] {
  if (relationships.length === 0) return [];
  return [{ field: "type", problem: `could be right${how}`, allowed: relationships.map(({ type }) => type) }];
}
