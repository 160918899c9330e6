import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Entity as WireEntity } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import {
  type ReachedEntity,
  MatchKind as WireMatchKind,
  type SearchHit as WireSearchHit,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { Relationship as WireRelationship } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { internal } from "@funkygibbon/kernel/errors";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { enumMapping } from "@funkygibbon/wire/enum-mapping";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { Entity, EntityRef, MatchKind, Neighbour, Relationship, SearchHit } from "../domain/graph.ts";

const matchKinds = enumMapping<MatchKind, WireMatchKind>({
  exact: WireMatchKind.EXACT,
  prefix: WireMatchKind.PREFIX,
  substring: WireMatchKind.SUBSTRING,
  content: WireMatchKind.CONTENT,
  fuzzy: WireMatchKind.FUZZY,
});

/** An entity that entity-store sent. */
export function entityFromWire(wire: WireEntity | undefined): Entity {
  const entity = must(wire, "entity-store answers with the entity");
  return {
    id: entity.id,
    type: entityTypes.mustFromWire(entity.type),
    name: entity.name,
    source: sourceTypes.mustFromWire(entity.source),
    content: bodyFromWire(entity.bodyJson),
    version: entity.version,
    etag: entity.etag,
    author: entity.author,
    updatedAt: timeFromWire(entity.updateTime) ?? "",
    createdAt: timeFromWire(entity.createTime) ?? "",
  };
}

/** A relationship that entity-store sent. */
export function relationshipFromWire(wire: WireRelationship | undefined): Relationship {
  const relationship = must(wire, "entity-store answers with the relationship");
  return {
    id: relationship.id,
    type: relationshipTypes.mustFromWire(relationship.type),
    fromId: relationship.fromId,
    toId: relationship.toId,
    properties: bodyFromWire(relationship.propertiesJson),
    version: relationship.version,
    etag: relationship.etag,
  };
}

/** The entity alone of one that was reached. */
export function reachedRefFromWire(wire: ReachedEntity): EntityRef {
  const { id, type, name } = must(wire.entity, "a reached entity is there");
  return { id, type: entityTypes.mustFromWire(type), name };
}

/** A neighbour with the edge as it reads from the entity that was asked about. */
export function neighbourFromWire(wire: ReachedEntity): Neighbour {
  const edge = must(wire.relationship, "a neighbour is reached by an edge");
  return {
    relationshipId: edge.id,
    relation: wire.inverse ? edge.inverseName : relationshipTypes.mustFromWire(edge.type),
    entity: reachedRefFromWire(wire),
  };
}

/** A search hit that entity-store sent. */
export function searchHitFromWire(wire: WireSearchHit): SearchHit {
  return {
    entity: entityFromWire(wire.entity),
    match: matchKinds.mustFromWire(wire.match),
    score: wire.score,
  };
}

/** RFC 3339; undefined when there is none. */
export function timeFromWire(wire: Timestamp | undefined): string | undefined {
  return wire === undefined ? undefined : timestampDate(wire).toISOString();
}

/** A JSON text that the store has checked when it was written. */
export function jsonFromWire(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw internal("a service of ours sent a text that is not JSON", cause);
  }
}

/** A body; a tombstone has none. */
function bodyFromWire(text: string): JsonObject {
  return text === "" ? {} : (jsonFromWire(text) as JsonObject);
}
