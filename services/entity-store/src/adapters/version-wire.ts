import { create } from "@bufbuild/protobuf";
import {
  RecordVersionSchema,
  type RecordVersion as WireRecordVersion,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { contentToWire } from "@funkygibbon/wire/content";
import { sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes } from "@funkygibbon/wire/outcomes";
import { stampsToWire } from "@funkygibbon/wire/stamps";
import type { StoredVersion } from "../domain/stored-version.ts";
import { contentFromRow, outcomeFromCode, stampsFromText, type VersionRow } from "./version-row.ts";

/** A version as it travels to devices: its body is the text that was stored, never parsed on the way; its origin stays here. */
export function storedVersionToWire(version: StoredVersion): WireRecordVersion {
  const bodyJson = version.bodyText ?? "";
  return create(RecordVersionSchema, {
    recordId: version.record,
    version: version.version,
    parentVersions: [...version.parents],
    content: contentToWire({ ...version.content, source: version.source, bodyJson }),
    deleted: version.deleted,
    seq: BigInt(version.seq),
    author: version.author,
    deviceId: version.device,
    sequence: BigInt(version.sequence),
    stamps: stampsToWire(version.stamps),
    claimedUs: BigInt(version.claimedUs),
    effectiveUs: BigInt(version.effectiveUs),
    committedUs: BigInt(version.committedUs),
    contentHash: version.contentHash,
    bodyRemoved: version.bodyRemoved,
    healer: version.healer ?? "",
    ...(version.outcome === undefined ? {} : { outcome: outcomes.toWire(version.outcome) }),
  });
}

/** A row of the log as it travels: straight through, which is what makes long pages cheap. */
export function rowToWire(row: VersionRow): WireRecordVersion {
  const content = contentFromRow(row, null);
  const source = sourceTypes.mustFromWire(row.source as WireSourceType);
  return create(RecordVersionSchema, {
    recordId: row.record_id,
    version: row.version,
    parentVersions: row.parents,
    content: contentToWire({ ...content, source, bodyJson: row.body ?? "" }),
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
  });
}
