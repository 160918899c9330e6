import type {
  EntityContent as WireEntityContent,
  RelationshipContent as WireRelationshipContent,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { RecordContent } from "@funkygibbon/kernel/content";
import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import { internal } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { canonicalJson, type JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { entityTypes, relationshipTypes, sourceTypes } from "./graph-types.ts";

/** The `content` oneof of changes and versions. */
export type WireContent =
  | { case: "entity"; value: WireEntityContent }
  | { case: "relationship"; value: WireRelationshipContent }
  | { case: undefined; value?: undefined };

/** What a record says, its body apart. */
export type ContentFrame =
  | { readonly kind: "entity"; readonly type: EntityType }
  | {
      readonly kind: "relationship";
      readonly type: RelationshipType;
      readonly from: RecordId;
      readonly to: RecordId;
    };

/** What a record says with its body still as text, so that whoever only passes it on never parses it. */
export type TextContent = ContentFrame & { readonly source: SourceType; readonly bodyJson: string };

/** As it travels; a tombstone's `bodyJson` is empty. */
export function contentToWire(content: ContentFrame, source: SourceType, bodyJson: string): WireContent {
  if (content.kind === "entity") {
    const value: WireEntityContent = {
      $typeName: "funkygibbon.entity.v1.EntityContent",
      type: entityTypes.toWire(content.type),
      source: sourceTypes.toWire(source),
      bodyJson,
    };
    return { case: "entity", value };
  }
  const value: WireRelationshipContent = {
    $typeName: "funkygibbon.entity.v1.RelationshipContent",
    type: relationshipTypes.toWire(content.type),
    fromId: content.from,
    toId: content.to,
    source: sourceTypes.toWire(source),
    propertiesJson: bodyJson,
  };
  return { case: "relationship", value };
}

/** What a version of our own log says, its body parsed. A tombstone and a removed body are null. */
export function contentFromWire(content: WireContent): { content: RecordContent; source: SourceType } {
  switch (content.case) {
    case "entity": {
      const { type, source, bodyJson } = content.value;
      return {
        content: { kind: "entity", type: entityTypes.mustFromWire(type), body: parseBody(bodyJson) },
        source: sourceTypes.mustFromWire(source),
      };
    }
    case "relationship": {
      const { type, fromId, toId, source, propertiesJson } = content.value;
      return {
        content: {
          kind: "relationship",
          type: relationshipTypes.mustFromWire(type),
          from: parseRecordId(fromId, "from_id"),
          to: parseRecordId(toId, "to_id"),
          body: parseBody(propertiesJson),
        },
        source: sourceTypes.mustFromWire(source),
      };
    }
    case undefined:
      throw internal("broken invariant: a stored version has content");
  }
}

/** The text of a parsed body, ready for {@link contentToWire}. */
export function bodyToText(body: JsonObject | null): string {
  return body === null ? "" : canonicalJson(body);
}

/** Bodies of our own log were checked when they came in: plain parsing is enough. */
function parseBody(text: string): JsonObject | null {
  return text === "" ? null : JSON.parse(text);
}
