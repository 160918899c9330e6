import type { DivergedVersion as WireDivergedVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { RecordContent } from "@funkygibbon/kernel/content";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { type DomainError, invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { type JsonLimits, type JsonObject, readJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { DivergedVersion } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { bodyToText, contentToWire } from "./content.ts";
import { entityTypes, relationshipTypes, sourceTypes } from "./graph-types.ts";
import { stampFromWire, stampsFromWire, stampsToWire, stampToWire } from "./stamps.ts";

/** A merge of bodies within the limit may wait as a version of its own; only what would break its reader is refused here. */
const LIMITS: JsonLimits = { maxBytes: Number.POSITIVE_INFINITY, maxDepth: BODY_LIMITS.maxDepth };

/** One side of a divergence as it travels. */
export function divergedVersionToWire(version: DivergedVersion): WireDivergedVersion {
  return {
    $typeName: "funkygibbon.entity.v1.DivergedVersion",
    version: version.version,
    content: contentToWire(version.content, version.source, bodyToText(version.content.body)),
    deleted: version.deleted,
    bodyRemoved: version.bodyRemoved,
    stamp: stampToWire(version),
    stamps: stampsToWire(version.stamps),
  };
}

/**
 * One side of a divergence. The version is an identity that the store gave and gets back: it is taken as it comes.
 * @throws DomainError `invalid` naming what is missing, malformed or unknown.
 */
export function divergedVersionFromWire(wire: WireDivergedVersion, record: RecordId): DivergedVersion {
  if (wire.version === "") throw missing("version");
  const { content, source } = contentOf(wire);
  const { effectiveUs, device, sequence } = stampFromWire(wire.stamp, "stamp");
  return {
    record,
    version: wire.version as VersionId,
    content,
    source,
    deleted: wire.deleted,
    bodyRemoved: wire.bodyRemoved,
    stamps: stampsFromWire(wire.stamps, "stamps"),
    effectiveUs,
    device,
    sequence,
  };
}

/** @throws DomainError `invalid` for a field that must be set. */
export function missing(field: string): DomainError {
  return invalid([{ field, description: "must be set" }]);
}

/** The name of an enum value. @throws DomainError `invalid` for UNSPECIFIED and for a value that nobody defined. */
export function known<Name>(name: Name | undefined, field: string, value: number): Name {
  if (name !== undefined) return name;
  throw invalid([{ field, description: `has no value ${value}` }], "UNKNOWN_VALUE");
}

function contentOf(wire: WireDivergedVersion): { content: RecordContent; source: SourceType } {
  const { content } = wire;
  switch (content.case) {
    case "entity": {
      const { type, source, bodyJson } = content.value;
      return {
        content: {
          kind: "entity",
          type: known(entityTypes.fromWire(type), "entity.type", type),
          body: bodyOf(wire, bodyJson, "entity.body_json"),
        },
        source: known(sourceTypes.fromWire(source), "entity.source", source),
      };
    }
    case "relationship": {
      const { type, fromId, toId, source, propertiesJson } = content.value;
      return {
        content: {
          kind: "relationship",
          type: known(relationshipTypes.fromWire(type), "relationship.type", type),
          from: parseRecordId(fromId, "relationship.from_id"),
          to: parseRecordId(toId, "relationship.to_id"),
          body: bodyOf(wire, propertiesJson, "relationship.properties_json"),
        },
        source: known(sourceTypes.fromWire(source), "relationship.source", source),
      };
    }
    case undefined:
      throw missing("content");
  }
}

function bodyOf({ deleted, bodyRemoved }: WireDivergedVersion, text: string, field: string): JsonObject | null {
  if (!deleted && !bodyRemoved) return readJsonObject(text, LIMITS, field);
  if (text === "") return null;
  throw invalid([{ field, description: "must be empty where the version has no body" }]);
}
