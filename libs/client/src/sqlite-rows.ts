import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
  SourceType as WireSourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { DeviceId, Epoch, HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";

/** The columns of `records`, in the order of {@link recordToRow} and {@link recordFromRow}. */
export const RECORD_COLUMNS = [
  "record",
  "body",
  "version",
  "parents",
  "type",
  "source",
  "from_id",
  "to_id",
  "deleted",
  "seq",
  "author",
  "device",
  "sequence",
  "stamps",
  "claimed_us",
  "effective_us",
  "lost_body",
] as const;

/** The columns of `meta`, in the order of {@link metaToRow} and {@link metaFromRow}. */
export const META_COLUMNS = [
  "device_id",
  "household",
  "epoch",
  "cursor",
  "session_key",
  "last_claimed_us",
  "last_sequence",
  "vector_clock",
  "forked",
] as const;

/** A row that SQLite gives as an array. */
export type Row = readonly SQLOutputValue[];

/** Types and sources are kept as the numbers of the contract's enums, which never change; an entity has no ends. */
export function recordToRow(record: BaseRecord): SQLInputValue[] {
  const { content } = record;
  const isEntity = content.kind === "entity";
  return [
    record.record,
    content.bodyJson,
    record.version,
    record.parents.join("\n"),
    isEntity ? entityTypes.toWire(content.type) : relationshipTypes.toWire(content.type),
    sourceTypes.toWire(content.source),
    isEntity ? null : content.from,
    isEntity ? null : content.to,
    record.deleted ? 1 : 0,
    record.seq,
    record.author,
    record.device,
    record.sequence,
    record.stamps.length === 0 ? null : JSON.stringify(record.stamps),
    record.claimedUs,
    record.effectiveUs,
    record.lostBodyJson ?? null,
  ];
}

/** @param others what is in the columns after those. @throws when it was damaged. */
export function recordFromRow(id: RecordId, bodyJson: string, others: Row): BaseRecord {
  const record: BaseRecord = {
    record: id,
    version: others[0] as VersionId,
    parents: others[1] === "" ? [] : ((others[1] as string).split("\n") as VersionId[]),
    content: contentFromRow(bodyJson, others),
    deleted: others[6] === 1,
    seq: others[7] as number,
    author: others[8] as string,
    device: others[9] as string,
    sequence: others[10] as number,
    stamps: others[11] === null ? [] : JSON.parse(others[11] as string),
    claimedUs: others[12] as number,
    effectiveUs: others[13] as number,
  };
  return others[14] === null ? record : { ...record, lostBodyJson: others[14] as string };
}

function contentFromRow(bodyJson: string, others: Row): TextContent {
  const source = sourceTypes.mustFromWire(others[3] as WireSourceType);
  if (others[4] === null)
    return { kind: "entity", type: entityTypes.mustFromWire(others[2] as WireEntityType), source, bodyJson };
  return {
    kind: "relationship",
    type: relationshipTypes.mustFromWire(others[2] as WireRelationshipType),
    from: others[4] as RecordId,
    to: others[5] as RecordId,
    source,
    bodyJson,
  };
}

/** The row of the one device. */
export function metaToRow(meta: ReplicaMeta): SQLInputValue[] {
  return [
    meta.deviceId,
    meta.household ?? null,
    meta.epoch ?? null,
    meta.cursor,
    // Node 22 makes NULL of empty bytes by itself.
    meta.sessionKey.length === 0 ? null : meta.sessionKey,
    meta.lastClaimedUs,
    meta.lastSequence,
    JSON.stringify(meta.vectorClock),
    meta.forked ? 1 : 0,
  ];
}

/** @throws when the row was damaged. */
export function metaFromRow(row: Row): ReplicaMeta {
  return {
    deviceId: row[0] as DeviceId,
    household: (row[1] ?? undefined) as HouseholdId | undefined,
    epoch: (row[2] ?? undefined) as Epoch | undefined,
    cursor: row[3] as string,
    sessionKey: row[4] === null ? new Uint8Array() : (row[4] as Uint8Array),
    lastClaimedUs: row[5] as number,
    lastSequence: row[6] as number,
    vectorClock: JSON.parse(row[7] as string),
    forked: row[8] === 1,
  };
}

/** Edits are few and are read whole: one text each. */
export function editToText(edit: Edit): string {
  return JSON.stringify(edit);
}

/** @throws when the text was damaged. */
export function editFromText(text: string): Edit {
  const edit = JSON.parse(text) as Edit;
  // JSON leaves it out, and an edit names all its fields.
  return { ...edit, wish: edit.wish };
}
