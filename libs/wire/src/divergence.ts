import { create } from "@bufbuild/protobuf";
import {
  DivergenceSchema,
  Resolution_KeepHeadSchema,
  Resolution_PendingSchema,
  Side,
  type ConflictDraft as WireConflictDraft,
  type Divergence as WireDivergence,
  type MergedContent as WireMergedContent,
  type Resolution as WireResolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { invalid, seenFrom } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictDraft, Divergence, MergedContent, Resolution, SettledContent } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import { fieldConflictFromWire, fieldConflictToWire, policyFromWire, policyToWire } from "./conflict.ts";
import { divergedVersionFromWire, divergedVersionToWire, known, missing } from "./diverged-version.ts";
import { conflictDecisions, conflictTypes, strategies } from "./outcomes.ts";
import { stampsFromWire, stampsToWire } from "./stamps.ts";

/** A divergence as it travels from the store to conflict-resolution. */
export function divergenceToWire(divergence: Divergence): WireDivergence {
  const { local, localTimes, server, base, wish, policy, restored, serverCascade } = divergence;
  return create(DivergenceSchema, {
    recordId: local.record,
    local: divergedVersionToWire(local),
    localTimes,
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
 * are taken as they come.
 * @throws DomainError `invalid` naming what is missing, malformed or unknown. Only rules of a policy that nobody knows are
 * taken as they are: a newer release may have stored them.
 */
export function divergenceFromWire(wire: WireDivergence): Divergence {
  if (wire.recordId === "") throw missing("record_id");
  const record = wire.recordId as RecordId;
  return {
    local: sideFromWire(wire.local, record, "local"),
    localTimes: wire.localTimes,
    server: sideFromWire(wire.server, record, "server"),
    base: wire.base === undefined ? undefined : sideFromWire(wire.base, record, "base"),
    wish:
      wire.wish === ResolutionStrategy.UNSPECIFIED
        ? undefined
        : known(strategies.fromWire(wire.wish), "wish", wire.wish),
    policy: wire.policy === undefined ? undefined : policyFromWire(wire.policy),
    restored: wire.restored,
    serverCascade: wire.serverCascade,
  };
}

function sideFromWire(wire: WireDivergence["local"], record: RecordId, side: "local" | "server" | "base") {
  if (wire === undefined) throw missing(side);
  try {
    return divergedVersionFromWire(wire, record);
  } catch (error) {
    throw seenFrom(side, error);
  }
}

/** A resolution as it travels back to the store. Literals and not calls of `create`, because a batch has a thousand. */
export function resolutionToWire(resolution: Resolution): WireResolution {
  const wire: WireResolution = {
    $typeName: "funkygibbon.entity.v1.Resolution",
    recordId: resolution.record,
    localVersion: resolution.localVersion,
    localTimes: resolution.localTimes,
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
    localTimes: wire.localTimes,
    serverVersion: parseVersion(wire.serverVersion, "resolutions.server_version").id,
    decision: decisionFromWire(wire.decision),
    conflict: wire.conflict === undefined ? undefined : conflictDraftFromWire(wire.conflict),
  };
}

/** The content of a merge version as it travels. */
export function mergedContentToWire(content: MergedContent | SettledContent): WireMergedContent {
  return {
    $typeName: "funkygibbon.entity.v1.MergedContent",
    bodyJson: content.bodyJson ?? "",
    ends: SIDES[content.ends],
    deleted: content.deleted,
    stamps: stampsToWire(content.stamps),
  };
}

const SIDES: Readonly<Record<SettledContent["ends"], Side>> = {
  local: Side.LOCAL,
  server: Side.SERVER,
  found: Side.FOUND,
};

/** The content of a merge version. An unset side is the server's. @throws DomainError `invalid` for what only a person decides. */
export function mergedContentFromWire(wire: WireMergedContent): MergedContent {
  const content = settledContentFromWire(wire);
  if (content.ends !== "found") return { ...content, ends: content.ends };
  throw invalid([{ field: "merged.ends", description: "must be LOCAL or SERVER" }]);
}

/** The content that a settlement makes head. An unset side is the server's. */
export function settledContentFromWire(wire: WireMergedContent): SettledContent {
  return {
    bodyJson: wire.deleted ? undefined : wire.bodyJson,
    ends: wire.ends === Side.LOCAL ? "local" : wire.ends === Side.FOUND ? "found" : "server",
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
