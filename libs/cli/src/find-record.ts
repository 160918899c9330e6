import type { Client } from "@funkygibbon/client/client";
import type { EntityView, RelationshipView } from "@funkygibbon/client/graph-view";
import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import { DomainError } from "@funkygibbon/kernel/errors";
import { isUuid, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { nearestNames, sameName } from "@funkygibbon/kernel/nearest-names";
import { BEHIND_DEVICES } from "./places.ts";

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
    throw noSuch(`no ${kindOf(wanted)} has the id ${reference}`, []);
  }
  const named = foremost(entities.filter(({ name }) => sameName(name, reference)));
  const meant = named.length > 0 ? named : entities.filter(({ id }) => isPart(reference, id));
  const [found, second] = meant;
  if (found !== undefined && second === undefined) return found;
  if (found !== undefined) throw noSuch(`several are meant by ${reference}: say type:name, or its id`, meant);
  const near = foremost(nearestNames(reference, entities, { nameOf: ({ name }) => name, limit: entities.length }));
  throw noSuch(`there is no ${kindOf(wanted)} called ${reference}`, near);
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

/** The entity or relationship that is meant; a relationship is named by its id or by digits of it. @throws DomainError. */
export function findRecord(client: Client, reference: string): EntityView | RelationshipView {
  const edges = client.graph
    .relationships()
    .filter(({ id }) => id === reference.toLowerCase() || isPart(reference, id));
  const [edge, second] = edges;
  if (
    edge !== undefined &&
    second === undefined &&
    !client.graph.find().some(({ name }) => sameName(name, reference))
  ) {
    return edge;
  }
  return findEntity(client, reference);
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
    if (gone === undefined || second !== undefined) throw error;
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

function noSuch(message: string, suggestions: readonly EntityView[]): DomainError {
  const few = suggestions.slice(0, SUGGESTIONS);
  return new DomainError("not-found", message, {
    reason: "NOT_FOUND",
    details: Object.fromEntries(few.map(({ id, type, name }) => [id, `${type} ${name}`])),
  });
}

function kindOf(types: readonly EntityType[]): string {
  return types.length === 0 ? "entity" : types.join(" or ");
}
