import { create } from "@bufbuild/protobuf";
import {
  ConflictPolicySchema,
  ConflictRecordSchema,
  type ConflictPolicy as WireConflictPolicy,
  type ConflictRecord as WireConflictRecord,
  type FieldConflict as WireFieldConflict,
  ResolutionStrategy as WireStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType as WireEntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy, ConflictRow, FieldConflict } from "@funkygibbon/kernel/record";
import { parseVersion, type VersionId } from "@funkygibbon/kernel/version";
import { entityTypes, recordKinds } from "./graph-types.ts";
import { conflictDecisions, conflictTypes, strategies } from "./outcomes.ts";

/** One key of a conflict as it travels. */
export function fieldConflictToWire(field: FieldConflict): WireFieldConflict {
  const wire: WireFieldConflict = {
    $typeName: "funkygibbon.entity.v1.FieldConflict",
    field: field.field,
    rule: field.rule,
  };
  if (field.localJson !== undefined) wire.localJson = field.localJson;
  if (field.serverJson !== undefined) wire.serverJson = field.serverJson;
  if (field.baseJson !== undefined) wire.baseJson = field.baseJson;
  if (field.decidedJson !== undefined) wire.decidedJson = field.decidedJson;
  return wire;
}

/** One key of a conflict. */
export function fieldConflictFromWire(wire: WireFieldConflict): FieldConflict {
  return {
    field: wire.field,
    localJson: wire.localJson,
    serverJson: wire.serverJson,
    baseJson: wire.baseJson,
    decidedJson: wire.decidedJson,
    rule: wire.rule,
  };
}

/** A policy as it travels; its rules are checked by whoever owns them. */
export function policyToWire(policy: ConflictPolicy): WireConflictPolicy {
  return create(ConflictPolicySchema, {
    ...(policy.entityType === undefined ? {} : { entityType: entityTypes.toWire(policy.entityType) }),
    ...(policy.strategy === undefined ? {} : { strategy: strategies.toWire(policy.strategy) }),
    fieldRules: Object.fromEntries(policy.fieldRules),
  });
}

/**
 * A policy, with its rules as they came.
 * @throws DomainError `invalid`, reason INVALID_POLICY, naming enum values that nobody knows: who sends one means something
 * that we would not do.
 */
export function policyFromWire(wire: WireConflictPolicy): ConflictPolicy {
  const entityType = entityTypes.fromWire(wire.entityType);
  const strategy = strategies.fromWire(wire.strategy);
  const violations: FieldViolation[] = [];
  if (entityType === undefined && wire.entityType !== WireEntityType.UNSPECIFIED) {
    violations.push({ field: "policy.entity_type", description: `has no value ${wire.entityType}` });
  }
  if (strategy === undefined && wire.strategy !== WireStrategy.UNSPECIFIED) {
    violations.push({ field: "policy.strategy", description: `has no value ${wire.strategy}` });
  }
  if (violations.length > 0) throw invalid(violations, "INVALID_POLICY");
  return { entityType, strategy, fieldRules: new Map(Object.entries(wire.fieldRules)) };
}

/** A conflict as it travels. */
export function conflictToWire(conflict: ConflictRow): WireConflictRecord {
  return create(ConflictRecordSchema, {
    id: conflict.id,
    recordId: conflict.record,
    recordKind: recordKinds.toWire(conflict.recordKind),
    type: conflictTypes.toWire(conflict.type),
    localVersion: conflict.localVersion,
    serverVersion: conflict.serverVersion ?? "",
    baseVersion: conflict.baseVersion ?? "",
    resolvedVersion: conflict.resolvedVersion ?? "",
    strategy: strategies.toWire(conflict.strategy),
    decision: conflictDecisions.toWire(conflict.decision),
    fields: conflict.fields.map(fieldConflictToWire),
    localAuthor: conflict.localAuthor,
    localDeviceId: conflict.localDevice,
    serverAuthor: conflict.serverAuthor ?? "",
    serverDeviceId: conflict.serverDevice ?? "",
    openedUs: BigInt(conflict.openedUs),
    settledUs: BigInt(conflict.settledUs),
    settledBy: conflict.settledBy ?? "",
    etag: conflict.etag,
  });
}

/** A conflict that our own services sent. */
export function conflictFromWire(wire: WireConflictRecord): ConflictRow {
  return {
    id: wire.id,
    record: parseRecordId(wire.recordId, "record_id"),
    recordKind: recordKinds.mustFromWire(wire.recordKind),
    type: conflictTypes.mustFromWire(wire.type),
    localVersion: parseVersion(wire.localVersion, "local_version").id,
    serverVersion: optionalVersion(wire.serverVersion, "server_version"),
    baseVersion: optionalVersion(wire.baseVersion, "base_version"),
    resolvedVersion: optionalVersion(wire.resolvedVersion, "resolved_version"),
    strategy: strategies.mustFromWire(wire.strategy),
    decision: conflictDecisions.mustFromWire(wire.decision),
    fields: wire.fields.map(fieldConflictFromWire),
    localAuthor: parseUserId(wire.localAuthor, "local_author"),
    localDevice: parseDeviceId(wire.localDeviceId, "local_device_id"),
    serverAuthor: wire.serverAuthor === "" ? undefined : parseUserId(wire.serverAuthor, "server_author"),
    serverDevice: wire.serverDeviceId === "" ? undefined : parseDeviceId(wire.serverDeviceId, "server_device_id"),
    openedUs: Number(wire.openedUs),
    settledUs: Number(wire.settledUs),
    settledBy: wire.settledBy === "" ? undefined : parseUserId(wire.settledBy, "settled_by"),
    etag: wire.etag,
  };
}

function optionalVersion(text: string, field: string): VersionId | undefined {
  return text === "" ? undefined : parseVersion(text, field).id;
}
