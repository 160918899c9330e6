import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { isUuid } from "@funkygibbon/kernel/ids";
import { nearestNames, sameName } from "@funkygibbon/kernel/nearest-names";
import type { Entity, EntityRef, Relationship } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import { nameText } from "./name-text.ts";
import { orNothing } from "./or-nothing.ts";
import type { ToolCall } from "./tool-call.ts";
import { ToolFault } from "./tool-fault.ts";

/** Longest text that search takes. */
const MAX_QUERY = 200;
const SUGGESTIONS = 5;
/** How many entities of the wanted types are looked through for alike names; homes have fewer rooms than this. */
const CANDIDATES = 200;

/** What a model names an entity by. */
export interface EntityReference {
  /** An id, or a name that only one entity bears. */
  readonly text: string;
  /** The argument in which it stands. */
  readonly field: string;
  /** Only these types will do; empty: any. */
  readonly types: readonly EntityType[];
  /** As of this time; undefined: now. */
  readonly at?: Date | undefined;
}

/** Presentations and functions of a device. */
const PARTS: readonly EntityType[] = ["accessory", "service"];

/** Where a model that knows nothing of a home can begin. */
const ENTRANCES: readonly EntityType[] = ["home", "room"];

/**
 * The entity that the model means.
 * @throws ToolFault with suggestions: ENTITY_UNKNOWN, ENTITY_DELETED, ENTITY_AMBIGUOUS (several bear the name),
 * ENTITY_WRONG_TYPE.
 */
export async function findEntity(graph: HomeGraph, call: ToolCall, reference: EntityReference): Promise<Entity> {
  return isUuid(reference.text) ? findById(graph, call, reference) : findByName(graph, call, reference);
}

/**
 * The entity with this id, for tools that change or delete it: a name is not enough there, but is answered with the ids
 * that it may stand for.
 */
export async function findEntityToChange(
  graph: HomeGraph,
  call: ToolCall,
  reference: EntityReference,
): Promise<Entity> {
  if (isUuid(reference.text)) return findById(graph, call, reference);
  throw new ToolFault(`${reference.field} must be an id; "${excerpt(reference.text)}" is not one.`, {
    reason: "ID_NEEDED",
    suggestions: await alike(graph, call, reference),
    hint: "Take the id of the entity that you mean and call again.",
  });
}

async function findById(graph: HomeGraph, call: ToolCall, reference: EntityReference): Promise<Entity> {
  const entity = await orNothing(graph.getEntity(call, reference.text.toLowerCase(), { at: reference.at }));
  if (entity === undefined) throw await noEntityWithId(graph, call, reference);
  if (reference.types.length > 0 && !reference.types.includes(entity.type)) {
    throw new ToolFault(
      `${reference.field}: "${nameText(entity.name)}" is of type ${entity.type}; needed is ${reference.types.join(" or ")}.`,
      { reason: "ENTITY_WRONG_TYPE", suggestions: await someOf(graph, call, reference.types) },
    );
  }
  return entity;
}

async function noEntityWithId(graph: HomeGraph, call: ToolCall, reference: EntityReference): Promise<ToolFault> {
  const id = reference.text.toLowerCase();
  const { field, at } = reference;
  const tombstone = await orNothing(graph.getEntity(call, id, { orTombstone: true }));
  if (tombstone?.deleted === true && at === undefined) {
    const { type, updatedAt, author } = tombstone;
    return new ToolFault(`${field}: the ${type} with the id ${id} was deleted at ${updatedAt} by ${author}.`, {
      reason: "ENTITY_DELETED",
      hint: "get_history tells what it was; restore_entity brings it back.",
    });
  }
  const relationship = tombstone === undefined ? await orNothing(graph.getRelationship(call, id)) : undefined;
  if (relationship !== undefined) {
    return new ToolFault(`${field}: ${id} is a relationship (${relationship.type}), not an entity.`, {
      reason: "ENTITY_WRONG_TYPE",
      suggestions: await endsOf(graph, call, relationship),
      hint: "These are its ends; end_relationship would disconnect them.",
    });
  }
  const then = at !== undefined && tombstone !== undefined ? ` at ${at.toISOString()}` : "";
  return new ToolFault(`${field}: there is no entity with the id ${id}${then}.`, {
    reason: "ENTITY_UNKNOWN",
    suggestions: await someOf(graph, call, reference.types.length === 0 ? ENTRANCES : reference.types),
    hint: "Find the id with search_entities.",
  });
}

async function endsOf(graph: HomeGraph, call: ToolCall, { fromId, toId }: Relationship): Promise<readonly EntityRef[]> {
  return (await graph.getEntities(call, [fromId, toId])).map(refOf);
}

async function findByName(graph: HomeGraph, call: ToolCall, reference: EntityReference): Promise<Entity> {
  const hits = await withAlikeNames(graph, call, reference);
  const [found, ...others] = withoutParts(hits.filter((entity) => sameName(entity.name, reference.text)));
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined) {
    throw new ToolFault(`${reference.field}: ${others.length + 1} entities are named "${excerpt(reference.text)}".`, {
      reason: "ENTITY_AMBIGUOUS",
      suggestions: [found, ...others].slice(0, SUGGESTIONS),
      hint: "Call again with the id of the one that you mean.",
    });
  }
  const kind = reference.types.length === 0 ? "entity" : reference.types.join(" or ");
  const then = reference.at === undefined ? "" : ` at ${reference.at.toISOString()}`;
  throw new ToolFault(`${reference.field}: there is no ${kind} named "${excerpt(reference.text)}"${then}.`, {
    reason: "ENTITY_UNKNOWN",
    suggestions: await alike(graph, call, reference, hits),
    hint: "Call again with one of these, or look further with search_entities.",
  });
}

/** What a device is in HomeKit or Matter bears the name of the device, which is meant then. */
function withoutParts(entities: readonly Entity[]): readonly Entity[] {
  const things = entities.filter(({ type }) => !PARTS.includes(type));
  return things.length === 0 ? entities : things;
}

/** Search knows the present only; of the past there is the list of names. */
async function withAlikeNames(
  graph: HomeGraph,
  call: ToolCall,
  reference: EntityReference,
): Promise<readonly Entity[]> {
  const { types, at } = reference;
  const text = reference.text.slice(0, MAX_QUERY);
  if (at !== undefined) {
    const { items } = await graph.listEntities(call, { types, nameContains: text, at, limit: CANDIDATES });
    return items;
  }
  return search(graph, call, { query: text, types, limit: 20 });
}

/** Entities with names like the reference: what search finds, then what resembles it among the wanted types. */
async function alike(
  graph: HomeGraph,
  call: ToolCall,
  reference: EntityReference,
  found?: readonly Entity[],
): Promise<readonly EntityRef[]> {
  const query = reference.text.trim().slice(0, MAX_QUERY);
  const hits =
    found ?? (query === "" ? [] : await search(graph, call, { query, types: reference.types, limit: SUGGESTIONS }));
  if (hits.length > 0) return hits.slice(0, SUGGESTIONS).map(refOf);
  const { items } = await graph.listEntities(call, { types: reference.types, limit: CANDIDATES });
  const near = nearestNames(query, items, { nameOf: (entity) => entity.name, limit: SUGGESTIONS });
  if (near.length > 0 || reference.types.length === 0) return near.map(refOf);
  return items.slice(0, SUGGESTIONS).map(refOf);
}

async function search(
  graph: HomeGraph,
  call: ToolCall,
  wanted: Parameters<HomeGraph["searchEntities"]>[1],
): Promise<readonly Entity[]> {
  const { items } = await graph.searchEntities(call, wanted);
  return items.map((hit) => hit.entity);
}

async function someOf(graph: HomeGraph, call: ToolCall, types: readonly EntityType[]): Promise<readonly EntityRef[]> {
  const { items } = await graph.listEntities(call, { types, limit: SUGGESTIONS });
  return items.map(refOf);
}

function refOf({ id, type, name }: Entity): EntityRef {
  return { id, type, name };
}

function excerpt(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
