import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Entity as WireEntity } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import {
  type ReachedEntity,
  MatchKind as WireMatchKind,
  type SearchHit as WireSearchHit,
  type SimilarEntity as WireSimilarEntity,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { Relationship as WireRelationship } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import { internal } from "@funkygibbon/kernel/errors";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { enumMapping } from "@funkygibbon/wire/enum-mapping";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { Entity, MatchKind, Neighbour, Relationship, SearchHit, SimilarEntity } from "../domain/graph.ts";

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
    deleted: entity.deleted,
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
    deleted: relationship.deleted,
  };
}

/** A neighbour with the edge as it reads from where one came. */
export function neighbourFromWire(wire: ReachedEntity): Neighbour {
  const edge = must(wire.relationship, "a neighbour is reached by an edge");
  return {
    relationshipId: edge.id,
    committedUs: microsFromWire(must(edge.updateTime, "an edge was committed at some time")),
    relation: wire.inverse ? edge.inverseName : relationshipTypes.mustFromWire(edge.type),
    entity: entityFromWire(wire.entity),
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

/** A similar entity that entity-store sent. */
export function similarFromWire(wire: WireSimilarEntity): SimilarEntity {
  return { entity: entityFromWire(wire.entity), score: wire.score, sharedKeys: wire.sharedKeys };
}

/** Undefined on the last page. */
export function cursorFromWire(pageToken: string): string | undefined {
  return pageToken === "" ? undefined : pageToken;
}

/** RFC 3339; undefined when there is none. */
export function timeFromWire(wire: Timestamp | undefined): string | undefined {
  return wire === undefined ? undefined : timestampDate(wire).toISOString();
}

/** Exactly when something was committed: the versions of one commit, and only they, have one time. */
export function microsFromWire({ seconds, nanos }: Timestamp): Micros {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
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
