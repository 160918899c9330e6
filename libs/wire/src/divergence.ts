import { create } from "@bufbuild/protobuf";
import {
  ConflictDraftSchema,
  DivergenceSchema,
  MergedContentSchema,
  Resolution_KeepHeadSchema,
  Resolution_PendingSchema,
  ResolutionSchema,
  Side,
  type ConflictDraft as WireConflictDraft,
  type Divergence as WireDivergence,
  type MergedContent as WireMergedContent,
  type Resolution as WireResolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictDraft, Divergence, MergedContent, Resolution } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import { fieldConflictFromWire, fieldConflictToWire, policyToWire } from "./conflict.ts";
import { conflictDecisions, conflictTypes, strategies } from "./outcomes.ts";
import { recordVersionToWire } from "./record-version.ts";
import { stampsFromWire, stampsToWire } from "./stamps.ts";

/** A divergence as it travels from the store to conflict-resolution. */
export function divergenceToWire(divergence: Divergence): WireDivergence {
  return create(DivergenceSchema, {
    local: recordVersionToWire(divergence.local),
    server: recordVersionToWire(divergence.server),
    ...(divergence.base === undefined ? {} : { base: recordVersionToWire(divergence.base) }),
    ...(divergence.wish === undefined ? {} : { wish: strategies.toWire(divergence.wish) }),
    ...(divergence.policy === undefined ? {} : { policy: policyToWire(divergence.policy) }),
    restored: divergence.restored,
    historyVersions: [...divergence.historyVersions],
    serverCascade: divergence.serverCascade,
  });
}

/** A resolution as it travels back to the store. */
export function resolutionToWire(resolution: Resolution): WireResolution {
  return create(ResolutionSchema, {
    recordId: resolution.record,
    localVersion: resolution.localVersion,
    serverVersion: resolution.serverVersion,
    decision: decisionToWire(resolution.decision),
    ...(resolution.conflict === undefined ? {} : { conflict: conflictDraftToWire(resolution.conflict) }),
  });
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
  return create(MergedContentSchema, {
    bodyJson: content.bodyJson ?? "",
    ends: content.ends === "local" ? Side.LOCAL : Side.SERVER,
    deleted: content.deleted,
    stamps: stampsToWire(content.stamps),
  });
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
  return create(ConflictDraftSchema, {
    type: conflictTypes.toWire(draft.type),
    strategy: strategies.toWire(draft.strategy),
    decision: conflictDecisions.toWire(draft.decision),
    fields: draft.fields.map(fieldConflictToWire),
  });
}

function conflictDraftFromWire(wire: WireConflictDraft): ConflictDraft {
  return {
    type: must(conflictTypes.fromWire(wire.type), "a conflict draft names its type"),
    strategy: must(strategies.fromWire(wire.strategy), "a conflict draft names its strategy"),
    decision: must(conflictDecisions.fromWire(wire.decision), "a conflict draft names its decision"),
    fields: wire.fields.map(fieldConflictFromWire),
  };
}
