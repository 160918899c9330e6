import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ReachedEntitySchema,
  Direction as WireDirection,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { invalid, notFound } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { Direction, EntityView, GraphSnapshot } from "../../domain/graph-reads.ts";
import type { Reached } from "../../domain/graph-walk.ts";
import { presentEntity, presentRelationship } from "../shared/present.ts";

/** The live entity that a question is about. @throws DomainError `not-found` */
export async function requireEntity(snapshot: GraphSnapshot, id: RecordId): Promise<EntityView> {
  const found = (await snapshot.entities([id])).get(id);
  if (found === undefined || found.deleted) throw notFound("entity", id);
  return found;
}

/** Which way to follow edges; unspecified: both. @throws DomainError `invalid` naming `direction` for an unknown value. */
export function parseDirection(direction: WireDirection): Direction {
  switch (direction) {
    case WireDirection.UNSPECIFIED:
    case WireDirection.BOTH:
      return "both";
    case WireDirection.OUT:
      return "out";
    case WireDirection.IN:
      return "in";
    default:
      throw invalid([{ field: "direction", description: `has no value ${direction}` }]);
  }
}

/** What was reached, with the entities and edges themselves, in the given order. @param nodes those reached, where they have been read already. */
export async function presentReached(
  snapshot: GraphSnapshot,
  reached: readonly Reached[],
  nodes?: ReadonlyMap<RecordId, EntityView>,
): Promise<MessageInitShape<typeof ReachedEntitySchema>[]> {
  const [entities, relationships] = await Promise.all([
    nodes ?? snapshot.entities([...new Set(reached.map((step) => step.reached))]),
    snapshot.relationships([...new Set(reached.map((step) => step.relationship))]),
  ]);
  return reached.map((step) => ({
    entity: presentEntity(must(entities.get(step.reached), "one snapshot has every node that it leads to")),
    relationship: presentRelationship(
      must(relationships.get(step.relationship), "one snapshot has every edge it follows"),
    ),
    distance: step.distance,
    inverse: step.inverse,
  }));
}
