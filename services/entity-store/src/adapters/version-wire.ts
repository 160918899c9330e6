import type { RecordVersion as WireRecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { contentToWire } from "@funkygibbon/wire/content";
import { sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes } from "@funkygibbon/wire/outcomes";
import { stampsToWire } from "@funkygibbon/wire/stamps";
import { contentFromRow, outcomeFromCode, stampsFromText, type VersionRow } from "./version-row.ts";

/**
 * The columns of a version that travel, of a table or alias `v`, in the order of {@link WireColumns}. Arrays and bytes as
 * text: that is how they travel, and taking them apart costs as much as the rest of a row.
 */
export const WIRE_COLUMNS = `v.seq, v.record_id, v.version, v.device_id, v.sequence,
  array_to_string(v.parents, ' ') as parents, v.kind, v.type, v.from_id, v.to_id, v.body, v.body_removed, v.deleted,
  encode(v.content_hash, 'hex') as content_hash, v.stamps, v.source, v.author, v.healer, v.claimed_us, v.effective_us,
  v.committed_us, v.outcome`;

type NotAsText = "parents" | "content_hash" | `origin_${string}`;

/** What of a version travels: not how it was written. */
export type WireRow = Omit<VersionRow, NotAsText> & {
  /** Separated by blanks. */
  readonly parents: string;
  /** Hexadecimal. */
  readonly content_hash: string;
};

/** A {@link WireRow} that came as an array: for thousands of rows that costs less than objects do. */
export type WireColumns = readonly [
  seq: number,
  recordId: string,
  version: string,
  deviceId: string,
  sequence: number,
  parents: string,
  kind: number,
  type: number,
  fromId: string | null,
  toId: string | null,
  body: string | null,
  bodyRemoved: boolean,
  deleted: boolean,
  contentHash: string,
  stamps: string | null,
  source: number,
  author: string,
  healer: string | null,
  claimedUs: number,
  effectiveUs: number,
  committedUs: number,
  outcome: number,
];

/** @param columns further ones may follow. */
export function wireRow(columns: readonly [...WireColumns, ...unknown[]]): WireRow {
  return {
    seq: columns[0],
    record_id: columns[1],
    version: columns[2],
    device_id: columns[3],
    sequence: columns[4],
    parents: columns[5],
    kind: columns[6],
    type: columns[7],
    from_id: columns[8],
    to_id: columns[9],
    body: columns[10],
    body_removed: columns[11],
    deleted: columns[12],
    content_hash: columns[13],
    stamps: columns[14],
    source: columns[15],
    author: columns[16],
    healer: columns[17],
    claimed_us: columns[18],
    effective_us: columns[19],
    committed_us: columns[20],
    outcome: columns[21],
  };
}

/** A row of the log as it travels: straight through, which is what makes long pages cheap. */
export function rowToWire(row: WireRow): WireRecordVersion {
  const content = contentFromRow(row, null);
  const source = sourceTypes.mustFromWire(row.source as WireSourceType);
  return {
    $typeName: "funkygibbon.entity.v1.RecordVersion",
    recordId: row.record_id,
    version: row.version,
    parentVersions: row.parents === "" ? [] : row.parents.split(" "),
    content: contentToWire(content, source, row.body ?? ""),
    deleted: row.deleted,
    seq: BigInt(row.seq),
    author: row.author,
    deviceId: row.device_id,
    sequence: BigInt(row.sequence),
    stamps: stampsToWire(stampsFromText(row.stamps)),
    claimedUs: BigInt(row.claimed_us),
    effectiveUs: BigInt(row.effective_us),
    committedUs: BigInt(row.committed_us),
    outcome: outcomes.toWire(outcomeFromCode(row.outcome)),
    contentHash: row.content_hash,
    bodyRemoved: row.body_removed,
    healer: row.healer ?? "",
  };
}
