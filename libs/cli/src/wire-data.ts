import type { RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { Entity } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import type { Relationship } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { EntityData, RelationshipData } from "./present/entity.ts";

/** An entity of the services as `--json` tells it. */
export function entityFromWire(wire: Entity | undefined): EntityData {
  const { id, type, name, source, version, bodyJson } = must(wire, "an answer has its entity");
  return {
    id,
    type: entityTypes.mustFromWire(type),
    name,
    source: sourceTypes.mustFromWire(source),
    version,
    body: bodyOf(bodyJson),
  };
}

/** A relationship of the services as `--json` tells it. */
export function relationshipFromWire(wire: Relationship | undefined): RelationshipData {
  const { id, type, fromId, toId, source, version, propertiesJson } = must(wire, "an answer has its relationship");
  return {
    id,
    type: relationshipTypes.mustFromWire(type),
    from: fromId,
    to: toId,
    source: sourceTypes.mustFromWire(source),
    version,
    properties: bodyOf(propertiesJson),
  };
}

/** The body or the properties of a version; empty for a tombstone. */
export function bodyOfVersion({ content }: RecordVersion): JsonObject {
  if (content.case === "entity") return bodyOf(content.value.bodyJson);
  return content.case === "relationship" ? bodyOf(content.value.propertiesJson) : {};
}

/** google.protobuf.Timestamp, as far as it is looked at. */
interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** A time as it travels. */
export function timestampOf(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1_000) * 1_000_000 };
}

/** ISO 8601; undefined stays undefined. */
export function isoOf(timestamp: Timestamp | undefined): string | undefined {
  if (timestamp === undefined) return undefined;
  return new Date(Number(timestamp.seconds) * 1_000 + Math.floor(timestamp.nanos / 1_000_000)).toISOString();
}

/** ISO 8601 of microseconds since 1970. */
export function isoOfMicros(us: bigint): string {
  return new Date(Number(us / 1_000n)).toISOString();
}

function bodyOf(text: string): JsonObject {
  return text === "" ? {} : JSON.parse(text);
}
