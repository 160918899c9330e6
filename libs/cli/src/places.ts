import type { EntityView, GraphView } from "@funkygibbon/client/graph-view";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";

/** The edges by which things belong to others. */
const BELONGS: readonly RelationshipType[] = ["located_in", "part_of"];

/** How an ecosystem presents a device: rarely what a person looks for. */
export const BEHIND_DEVICES: ReadonlySet<EntityType> = new Set(["accessory", "service"]);

/** What is located in or part of an entity, one step down. */
export function inside(graph: GraphView, id: RecordId): readonly EntityView[] {
  return graph.neighbours(id, { types: BELONGS, direction: "in" }).map(({ entity }) => entity);
}

/** Where something is: the room, zone or home it is located in, itself or by what it is part of. */
export function whereIs(graph: GraphView, id: RecordId): EntityView | undefined {
  const seen = new Set<RecordId>();
  for (let at: RecordId | undefined = id; at !== undefined && !seen.has(at); ) {
    seen.add(at);
    const [place] = graph.neighbours(at, { types: ["located_in"], direction: "out" });
    if (place !== undefined) return place.entity;
    at = graph.neighbours(at, { types: ["part_of"], direction: "out" })[0]?.entity.id;
  }
  return undefined;
}
