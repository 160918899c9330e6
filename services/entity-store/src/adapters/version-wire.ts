import type { RecordVersion as WireRecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { contentToWire } from "@funkygibbon/wire/content";
import { sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes } from "@funkygibbon/wire/outcomes";
import { stampsToWire } from "@funkygibbon/wire/stamps";
import { contentFromRow, outcomeFromCode, stampsFromText, type VersionRow } from "./version-row.ts";

/** A row of the log as it travels: straight through, which is what makes long pages cheap. */
export function rowToWire(row: VersionRow): WireRecordVersion {
  const content = contentFromRow(row, null);
  const source = sourceTypes.mustFromWire(row.source as WireSourceType);
  return {
    $typeName: "funkygibbon.entity.v1.RecordVersion",
    recordId: row.record_id,
    version: row.version,
    parentVersions: row.parents,
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
    contentHash: row.content_hash.toString("hex"),
    bodyRemoved: row.body_removed,
    healer: row.healer ?? "",
  };
}
