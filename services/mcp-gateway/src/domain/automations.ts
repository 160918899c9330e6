import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity, Relationship } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** An automation or a schedule, and what it has to do with. */
export interface Automation {
  readonly entity: Entity;
  readonly links: readonly { readonly relation: RelationshipType; readonly entity: Entity }[];
}

const ACTING: readonly EntityType[] = ["automation", "schedule"];
/** All of them lead from the automation or schedule. */
const RELATIONS: readonly RelationshipType[] = ["automates", "controls", "triggered_by", "monitors"];
const THINGS: readonly EntityType[] = ["device", "accessory", "service"];
/** The most that the store tells; rooms have fewer. */
const MAX_THINGS = 10_000;
const PAGE = 1_000;

/**
 * The automations and schedules that act on a room or on anything in it, wait for it or watch it. The household's edges of these kinds are read once, which costs less than asking each thing in the room for its own.
 */
export async function automationsAround(
  graph: HomeGraph,
  call: ToolCall,
  room: Entity,
): Promise<readonly Automation[]> {
  const [things, edges] = await Promise.all([
    graph.getDescendants(call, { id: room.id, types: THINGS, limit: MAX_THINGS }),
    edgesOfAutomations(graph, call),
  ]);
  const inside = new Map([room, ...things].map((entity) => [entity.id, entity]));
  const here = edges.filter(({ toId }) => inside.has(toId));
  const sources = await graph.getEntities(call, [...new Set(here.map(({ fromId }) => fromId))]);
  return sources
    .filter(({ type }) => ACTING.includes(type))
    .map((entity) => ({
      entity,
      links: here
        .filter(({ fromId }) => fromId === entity.id)
        .flatMap(({ type, toId }) => {
          const target = inside.get(toId);
          return target === undefined ? [] : [{ relation: type, entity: target }];
        }),
    }));
}

async function edgesOfAutomations(graph: HomeGraph, call: ToolCall): Promise<readonly Relationship[]> {
  const edges: Relationship[] = [];
  let cursor: string | undefined;
  do {
    const page = await graph.listRelationships(call, { relations: RELATIONS, limit: PAGE, cursor });
    edges.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return edges;
}
