import type { Client } from "@funkygibbon/client/client";
import type { EntityView, GraphView, RelationshipView } from "@funkygibbon/client/graph-view";
import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import { DomainError } from "@funkygibbon/kernel/errors";
import { isUuid, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { nearestNames, sameName } from "@funkygibbon/kernel/nearest-names";
import { BEHIND_DEVICES } from "./places.ts";
import { recordTitle } from "./present/entity.ts";

/** How a person names a record, for helps. */
export const REFERENCE_HELP = "a name, type:name, an id, or the last digits of one";

/** At least so many digits of an id stand for it. */
const PART_OF_ID = /^[0-9a-f-]{4,36}$/i;
const SUGGESTIONS = 5;

/**
 * The entity that is meant: by id, by a name that only one bears, or by the first or last digits of an id. `type:name`
 * says which of several; a device goes before its own accessory and services, which are often called the same.
 * @throws DomainError `not-found` with what comes closest as suggestions; also when several are meant.
 */
export function findEntity({ graph }: Client, text: string, types: readonly EntityType[] = []): EntityView {
  const { reference, wanted } = typed(text, types);
  const entities = graph.find({ where: ({ type }) => wanted.length === 0 || wanted.includes(type) });
  if (isUuid(reference)) {
    const entity = entities.find(({ id }) => id === reference.toLowerCase());
    if (entity !== undefined) return entity;
    throw noSuch(`no ${kindOf(wanted)} has the id ${reference}`, [], graph);
  }
  const named = foremost(entities.filter(({ name }) => sameName(name, reference)));
  const meant = named.length > 0 ? named : entities.filter(({ id }) => isPart(reference, id));
  const [found, second] = meant;
  if (found !== undefined && second === undefined) return found;
  if (found !== undefined) throw noSuch(`several are meant by ${reference}: say type:name, or its id`, meant, graph);
  const near = foremost(nearestNames(reference, entities, { nameOf: ({ name }) => name, limit: entities.length }));
  throw noSuch(`there is no ${kindOf(wanted)} called ${reference}`, near, graph);
}

function typed(text: string, types: readonly EntityType[]) {
  const [, type, name] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const wanted = ENTITY_TYPES.find((one) => one === type);
  return wanted === undefined || name === undefined
    ? { reference: text, wanted: types }
    : { reference: name, wanted: [wanted] };
}

/** Without the ecosystem's own view of things, unless there is nothing else. */
function foremost(entities: readonly EntityView[]): readonly EntityView[] {
  const things = entities.filter(({ type }) => !BEHIND_DEVICES.has(type));
  return things.length > 0 ? things : entities;
}

/**
 * The entity or relationship that is meant; a relationship is named by its id or by digits of it.
 * @throws DomainError as {@link findEntity}; also when the digits are those of several, of whichever kind.
 */
export function findRecord(client: Client, reference: string): EntityView | RelationshipView {
  const { graph } = client;
  const edges = graph.relationships();
  const edge = edges.find(({ id }) => id === reference.toLowerCase());
  if (edge !== undefined) return edge;
  const entities = graph.find();
  if (isUuid(reference) || entities.some(({ name }) => sameName(name, reference))) return findEntity(client, reference);
  const [found, ...others] = [...entities, ...edges].filter(({ id }) => isPart(reference, id));
  if (found === undefined) return findEntity(client, reference);
  if (others.length === 0) return found;
  throw noSuch(`several are meant by ${reference}: say more of the id`, [found, ...others], graph);
}

/**
 * The id that is meant, of records that were deleted too: their names are gone, digits of the id remain.
 * @throws DomainError `not-found`.
 */
export function findRecordId(client: Client, reference: string): RecordId {
  if (isUuid(reference)) return parseRecordId(reference);
  try {
    return findRecord(client, reference).id;
  } catch (error) {
    const deleted = [...client.baseRecords()].filter(({ record, deleted }) => deleted && isPart(reference, record));
    const [gone, second] = deleted;
    const { graph } = client;
    const isLiving = [...graph.find(), ...graph.relationships()].some(({ id }) => isPart(reference, id));
    if (gone === undefined || second !== undefined || isLiving) throw error;
    return gone.record;
  }
}

/** Whether this is a relationship, one that was deleted too. */
export function isRelationship(client: Client, id: RecordId): boolean {
  if (client.graph.relationship(id) !== undefined) return true;
  return [...client.baseRecords()].some(({ record, content }) => record === id && content.kind === "relationship");
}

function isPart(reference: string, id: RecordId): boolean {
  const digits = reference.toLowerCase();
  return PART_OF_ID.test(reference) && (id.startsWith(digits) || id.endsWith(digits));
}

function noSuch(message: string, suggestions: readonly { readonly id: RecordId }[], graph: GraphView): DomainError {
  const few = suggestions.slice(0, SUGGESTIONS);
  return new DomainError("not-found", message, {
    reason: "NOT_FOUND",
    details: Object.fromEntries(few.map(({ id }) => [id, recordTitle(graph, id) ?? ""])),
  });
}

function kindOf(types: readonly EntityType[]): string {
  return types.length === 0 ? "entity" : types.join(" or ");
}
