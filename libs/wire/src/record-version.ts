import {
  Outcome as WireOutcome,
  type RecordVersion as WireRecordVersion,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import type { RecordVersion, StoredOutcome } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import { bodyToText, contentFromWire, contentToWire } from "./content.ts";
import { originFromWire, originToWire } from "./origin.ts";
import { outcomes } from "./outcomes.ts";
import { stampsFromWire, stampsToWire } from "./stamps.ts";

/** A version as it travels, its origin too. */
export function recordVersionToWire(version: RecordVersion): WireRecordVersion {
  const wire = versionToWire(version, bodyToText(version.content.body));
  return version.origin === undefined ? wire : { ...wire, origin: originToWire(version.origin) };
}

/**
 * A version as it travels to devices: with the text that stands for its body, empty for none, and without its origin. A
 * literal and not a call of `create`, because pushes and pulls map versions by the ten thousand.
 */
export function versionToWire(version: RecordVersion, bodyJson: string): WireRecordVersion {
  return {
    $typeName: "funkygibbon.entity.v1.RecordVersion",
    recordId: version.record,
    version: version.version,
    parentVersions: [...version.parents],
    content: contentToWire(version.content, version.source, bodyJson),
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
    outcome: version.outcome === undefined ? WireOutcome.UNSPECIFIED : outcomes.toWire(version.outcome),
  };
}

/** A version that one of our own services sent. @throws DomainError `invalid` when it is not one. */
export function recordVersionFromWire(wire: WireRecordVersion): RecordVersion {
  const { content, source } = contentFromWire(wire.content);
  const own = parseVersion(wire.version);
  return {
    record: parseRecordId(wire.recordId, "record_id"),
    version: own.id,
    parents: wire.parentVersions.map((parent) => parseVersion(parent, "parent_versions").id),
    content,
    source,
    deleted: wire.deleted,
    seq: Number(wire.seq),
    author: parseUserId(wire.author, "author"),
    device: parseDeviceId(wire.deviceId),
    sequence: Number(wire.sequence),
    stamps: stampsFromWire(wire.stamps),
    claimedUs: Number(wire.claimedUs),
    effectiveUs: Number(wire.effectiveUs),
    committedUs: Number(wire.committedUs),
    outcome: storedOutcome(wire),
    contentHash: wire.contentHash,
    bodyRemoved: wire.bodyRemoved,
    origin: wire.origin === undefined ? undefined : originFromWire(wire.origin),
    healer: wire.healer === "" ? undefined : parseUserId(wire.healer, "healer"),
  };
}

function storedOutcome(wire: WireRecordVersion): StoredOutcome | undefined {
  const outcome = outcomes.fromWire(wire.outcome);
  switch (outcome) {
    case undefined:
    case "applied":
    case "merged":
    case "superseded":
    case "pending_review":
      return outcome;
    default:
      throw invalid([{ field: "outcome", description: `no version is stored as ${outcome}` }]);
  }
}
