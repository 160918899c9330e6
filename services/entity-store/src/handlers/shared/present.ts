import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EntitySchema, HistoryEntrySchema } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import type { RelationshipSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import { internal } from "@funkygibbon/kernel/errors";
import { canonicalJson } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { inverseName } from "@funkygibbon/kernel/relationship-type";
import { nameOf } from "@funkygibbon/kernel/search-text";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import { recordVersionToWire } from "@funkygibbon/wire/record-version";
import type { EntityView, RecordView, RelationshipView } from "../../domain/graph-reads.ts";
import { changedKeys } from "../../domain/history.ts";
import type { HistoryItem } from "../../domain/history-reads.ts";
import { timestampOf } from "./fields.ts";

/** An entity as it travels. Its etag is its version. */
export function presentEntity(view: EntityView): MessageInitShape<typeof EntitySchema> {
  return {
    ...presentRecord(view),
    type: entityTypes.toWire(view.type),
    bodyJson: view.bodyJson,
    name: view.name,
  };
}

/** A relationship as it travels. Its etag is its version. */
export function presentRelationship(view: RelationshipView): MessageInitShape<typeof RelationshipSchema> {
  return {
    ...presentRecord(view),
    type: relationshipTypes.toWire(view.type),
    fromId: view.from,
    toId: view.to,
    propertiesJson: view.bodyJson,
    inverseName: inverseName(view.type),
  };
}

/** A version that was just written, as a read would show it. @param createdUs of the record; 0: this is its first version. */
export function entityViewOf(version: RecordVersion, createdUs: Micros): EntityView {
  const { content } = version;
  if (content.kind !== "entity") throw internal("broken invariant: a write of an entity wrote an entity");
  const name = nameOf(content.body ?? {});
  return { ...recordViewOf(version, createdUs), kind: "entity", type: content.type, name, sortName: name };
}

/** As {@link entityViewOf}. */
export function relationshipViewOf(version: RecordVersion, createdUs: Micros): RelationshipView {
  const { content } = version;
  if (content.kind !== "relationship") throw internal("broken invariant: a write of a relationship wrote one");
  const { type, from, to } = content;
  return { ...recordViewOf(version, createdUs), kind: "relationship", type, from, to };
}

/** One version of a history as it travels. */
export function presentHistoryItem({
  version,
  parent,
  isHead,
}: HistoryItem): MessageInitShape<typeof HistoryEntrySchema> {
  return { version: recordVersionToWire(version), changedKeys: [...changedKeys(version, parent)], isHead };
}

function presentRecord(view: RecordView) {
  return {
    id: view.id,
    source: sourceTypes.toWire(view.source),
    version: view.version,
    etag: view.version,
    author: view.author,
    updateTime: timestampOf(view.committedUs),
    createTime: timestampOf(view.createdUs),
    deleted: view.deleted,
    bodyRemoved: view.bodyRemoved,
  };
}

function recordViewOf(version: RecordVersion, createdUs: Micros): RecordView {
  return {
    id: version.record,
    source: version.source,
    bodyJson: version.content.body === null ? "" : canonicalJson(version.content.body),
    version: version.version,
    seq: version.seq,
    author: version.author,
    committedUs: version.committedUs,
    createdUs: createdUs || version.committedUs,
    deleted: version.deleted,
    bodyRemoved: version.bodyRemoved,
  };
}
