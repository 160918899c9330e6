import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** A way out of a room. */
export interface Passage {
  /** The door or window; undefined: the rooms are connected without one. */
  readonly via: Entity | undefined;
  /** Undefined: the home does not know where it leads, as with a front door. */
  readonly to: Entity | undefined;
}

const JOINS: readonly RelationshipType[] = ["connects_to", "located_in"];
const OPENINGS: readonly EntityType[] = ["door", "window"];
/** The most that the store tells at once; rooms have fewer. */
const LIMIT = 1_000;

/** The rooms that a room is connected to, and by what. Doors and windows count whether they connect the room or stand in it. */
export async function passagesOf(graph: HomeGraph, call: ToolCall, room: Entity): Promise<readonly Passage[]> {
  const [direct, openings] = await Promise.all([
    graph.getNeighbours(call, { id: room.id, relations: ["connects_to"], types: ["room"], limit: LIMIT }),
    graph.getNeighbours(call, { id: room.id, relations: JOINS, types: OPENINGS, limit: LIMIT }),
  ]);
  const through = await Promise.all(
    distinct(openings.items).map(async (via) => {
      const rooms = await graph.getNeighbours(call, { id: via.id, relations: JOINS, types: ["room"], limit: LIMIT });
      const others = distinct(rooms.items).filter(({ id }) => id !== room.id);
      return others.length === 0 ? [{ via, to: undefined }] : others.map((to) => ({ via, to }));
    }),
  );
  return [...distinct(direct.items).map((to) => ({ via: undefined, to })), ...through.flat()];
}

function distinct(neighbours: readonly { readonly entity: Entity }[]): readonly Entity[] {
  return [...new Map(neighbours.map(({ entity }) => [entity.id, entity])).values()];
}
