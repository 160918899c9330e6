import { create } from "@bufbuild/protobuf";
import {
  DivergenceSchema,
  Resolution_KeepHeadSchema,
  Resolution_PendingSchema,
  Side,
  type ConflictDraft as WireConflictDraft,
  type DivergedVersion as WireDivergedVersion,
  type Divergence as WireDivergence,
  type MergedContent as WireMergedContent,
  type Resolution as WireResolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictDraft, DivergedVersion, Divergence, MergedContent, Resolution } from "@funkygibbon/kernel/record";
import { parseVersion, type VersionId } from "@funkygibbon/kernel/version";
import { fieldConflictFromWire, fieldConflictToWire, policyFromWire, policyToWire } from "./conflict.ts";
import { bodyToText, contentFromWire, contentToWire } from "./content.ts";
import { conflictDecisions, conflictTypes, strategies } from "./outcomes.ts";
import { stampFromWire, stampsFromWire, stampsToWire, stampToWire } from "./stamps.ts";

/** A divergence as it travels from the store to conflict-resolution. */
export function divergenceToWire(divergence: Divergence): WireDivergence {
  const { local, server, base, wish, policy, restored, serverCascade } = divergence;
  return create(DivergenceSchema, {
    recordId: local.record,
    local: divergedVersionToWire(local),
    server: divergedVersionToWire(server),
    ...(base === undefined ? {} : { base: divergedVersionToWire(base) }),
    ...(wish === undefined ? {} : { wish: strategies.toWire(wish) }),
    ...(policy === undefined ? {} : { policy: policyToWire(policy) }),
    restored,
    serverCascade,
  });
}

/**
 * A divergence as conflict-resolution reads it. Record and versions are identities that the store gave and gets back: they
 * are taken as they come, and so are bodies, which it has checked.
 * @throws DomainError `invalid` naming what is missing or cannot be read.
 */
export function divergenceFromWire(wire: WireDivergence): Divergence {
  const record = wire.recordId as RecordId;
  return {
    local: divergedVersionFromWire(wire.local, record, "local"),
    server: divergedVersionFromWire(wire.server, record, "server"),
    base: wire.base === undefined ? undefined : divergedVersionFromWire(wire.base, record, "base"),
    wish: strategies.fromWire(wire.wish),
    policy: wire.policy === undefined ? undefined : policyFromWire(wire.policy),
    restored: wire.restored,
    serverCascade: wire.serverCascade,
  };
}

function divergedVersionToWire(version: DivergedVersion): WireDivergedVersion {
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

function divergedVersionFromWire(
  wire: WireDivergedVersion | undefined,
  record: RecordId,
  field: string,
): DivergedVersion {
  if (wire === undefined) throw invalid([{ field, description: "must be set" }]);
  const { content, source } = divergedContent(wire, field);
  const { effectiveUs, device, sequence } = stampFromWire(wire.stamp, field);
  return {
    record,
    version: wire.version as VersionId,
    content,
    source,
    deleted: wire.deleted,
    bodyRemoved: wire.bodyRemoved,
    stamps: stampsFromWire(wire.stamps, field),
    effectiveUs,
    device,
    sequence,
  };
}

function divergedContent({ content }: WireDivergedVersion, field: string) {
  if (content.case === undefined) throw invalid([{ field: `${field}.content`, description: "must be set" }]);
  try {
    return contentFromWire(content);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid([{ field: `${field}.content`, description: "must be JSON (RFC 8259)" }], "INVALID_JSON");
  }
}

/** A resolution as it travels back to the store. Literals and not calls of `create`, because a batch has a thousand. */
export function resolutionToWire(resolution: Resolution): WireResolution {
  const wire: WireResolution = {
    $typeName: "funkygibbon.entity.v1.Resolution",
    recordId: resolution.record,
    localVersion: resolution.localVersion,
    serverVersion: resolution.serverVersion,
    decision: decisionToWire(resolution.decision),
  };
  if (resolution.conflict !== undefined) wire.conflict = conflictDraftToWire(resolution.conflict);
  return wire;
}

/** A resolution as the store reads it. @throws DomainError `invalid` when it decides nothing. */
export function resolutionFromWire(wire: WireResolution): Resolution {
  return {
    record: parseRecordId(wire.recordId, "resolutions.record_id"),
    localVersion: parseVersion(wire.localVersion, "resolutions.local_version").id,
    serverVersion: parseVersion(wire.serverVersion, "resolutions.server_version").id,
    decision: decisionFromWire(wire.decision),
    conflict: wire.conflict === undefined ? undefined : conflictDraftFromWire(wire.conflict),
  };
}

/** The content of a merge version as it travels. */
export function mergedContentToWire(content: MergedContent): WireMergedContent {
  return {
    $typeName: "funkygibbon.entity.v1.MergedContent",
    bodyJson: content.bodyJson ?? "",
    ends: content.ends === "local" ? Side.LOCAL : Side.SERVER,
    deleted: content.deleted,
    stamps: stampsToWire(content.stamps),
  };
}

/** The content of a merge version. An unset side is the server's. */
export function mergedContentFromWire(wire: WireMergedContent): MergedContent {
  return {
    bodyJson: wire.deleted ? undefined : wire.bodyJson,
    ends: wire.ends === Side.LOCAL ? "local" : "server",
    deleted: wire.deleted,
    stamps: stampsFromWire(wire.stamps, "merged.stamps"),
  };
}

function decisionToWire(decision: Resolution["decision"]): WireResolution["decision"] {
  switch (decision.kind) {
    case "keep_head":
      return { case: "keepHead", value: create(Resolution_KeepHeadSchema) };
    case "pending":
      return { case: "pending", value: create(Resolution_PendingSchema) };
    case "merged":
      return { case: "merged", value: mergedContentToWire(decision.content) };
  }
}

function decisionFromWire(decision: WireResolution["decision"]): Resolution["decision"] {
  switch (decision.case) {
    case "keepHead":
      return { kind: "keep_head" };
    case "pending":
      return { kind: "pending" };
    case "merged":
      return { kind: "merged", content: mergedContentFromWire(decision.value) };
    case undefined:
      throw invalid([{ field: "resolutions.decision", description: "must be set" }]);
  }
}

/** A conflict draft as it travels. */
export function conflictDraftToWire(draft: ConflictDraft): WireConflictDraft {
  return {
    $typeName: "funkygibbon.entity.v1.ConflictDraft",
    type: conflictTypes.toWire(draft.type),
    strategy: strategies.toWire(draft.strategy),
    decision: conflictDecisions.toWire(draft.decision),
    fields: draft.fields.map(fieldConflictToWire),
  };
}

function conflictDraftFromWire(wire: WireConflictDraft): ConflictDraft {
  return {
    type: must(conflictTypes.fromWire(wire.type), "a conflict draft names its type"),
    strategy: must(strategies.fromWire(wire.strategy), "a conflict draft names its strategy"),
    decision: must(conflictDecisions.fromWire(wire.decision), "a conflict draft names its decision"),
    fields: wire.fields.map(fieldConflictFromWire),
  };
}
