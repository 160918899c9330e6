import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import type { Entity } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** A home at a glance. */
export interface HomeOverview {
  readonly homes: readonly Entity[];
  readonly rooms: readonly RoomOverview[];
  /** There are more rooms than these. */
  readonly moreRooms: boolean;
  /** How many entities there are of each type that there is. */
  readonly totals: ReadonlyMap<EntityType, number>;
}

/** A room and what stands in it. */
export interface RoomOverview {
  readonly room: Entity;
  readonly devices: readonly Entity[];
  /** How many devices there are in all. */
  readonly total: number;
}

const MAX_HOMES = 10;
const MAX_ROOMS = 60;
const DEVICES_PER_ROOM = 50;

/** Reads the overview as of now. */
export async function overviewOf(graph: HomeGraph, call: ToolCall): Promise<HomeOverview> {
  const [homes, rooms, totals] = await Promise.all([
    graph.listEntities(call, { types: ["home"], limit: MAX_HOMES }),
    graph.listEntities(call, { types: ["room"], limit: MAX_ROOMS }),
    Promise.all(ENTITY_TYPES.map((type) => totalOf(graph, call, type))),
  ]);
  return {
    homes: homes.items,
    rooms: await Promise.all(rooms.items.map((room) => roomOverview(graph, call, room))),
    moreRooms: rooms.nextCursor !== undefined,
    totals: new Map(totals.filter(([, total]) => total > 0)),
  };
}

async function totalOf(graph: HomeGraph, call: ToolCall, type: EntityType): Promise<readonly [EntityType, number]> {
  const { total, items } = await graph.listEntities(call, { types: [type], limit: 1 });
  return [type, total ?? items.length];
}

async function roomOverview(graph: HomeGraph, call: ToolCall, room: Entity): Promise<RoomOverview> {
  const page = await graph.listEntities(call, { types: ["device"], locatedInId: room.id, limit: DEVICES_PER_ROOM });
  return { room, devices: page.items, total: page.total ?? page.items.length };
}
