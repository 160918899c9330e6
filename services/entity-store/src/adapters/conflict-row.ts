import type {
  ConflictType as WireConflictType,
  ConflictDecision as WireDecision,
  ResolutionStrategy as WireStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { RecordKind as WireRecordKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { DeviceId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy, ConflictRow, FieldConflict } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { recordKinds } from "@funkygibbon/wire/graph-types";
import { conflictDecisions, conflictTypes, strategies } from "@funkygibbon/wire/outcomes";
import { entityTypeFromCode } from "./version-row.ts";

/** The columns of {@link ConflictTableRow}, of a table or alias `c`. */
export const CONFLICT_COLUMNS = `c.conflict_id, c.record_id, c.record_kind, c.type, c.local_version, c.server_version,
  c.base_version, c.resolved_version, c.strategy, c.decision, c.fields, c.local_author, c.local_device,
  c.server_author, c.server_device, c.opened_us, c.settled_us, c.settled_by, c.revision`;

/** A row of conflicts. */
export interface ConflictTableRow {
  readonly conflict_id: string;
  readonly record_id: string;
  readonly record_kind: number;
  readonly type: number;
  readonly local_version: string;
  readonly server_version: string | null;
  readonly base_version: string | null;
  readonly resolved_version: string | null;
  readonly strategy: number;
  readonly decision: number;
  readonly fields: string;
  readonly local_author: string;
  readonly local_device: string;
  readonly server_author: string | null;
  readonly server_device: string | null;
  readonly opened_us: number;
  readonly settled_us: number;
  readonly settled_by: string | null;
  readonly revision: number;
}

/** A row as planCommit wrote it. */
export function conflictFromRow(row: ConflictTableRow): ConflictRow {
  return {
    id: row.conflict_id,
    record: row.record_id as RecordId,
    recordKind: recordKinds.mustFromWire(row.record_kind as WireRecordKind),
    type: conflictTypes.mustFromWire(row.type as WireConflictType),
    localVersion: row.local_version as VersionId,
    serverVersion: (row.server_version ?? undefined) as VersionId | undefined,
    baseVersion: (row.base_version ?? undefined) as VersionId | undefined,
    resolvedVersion: (row.resolved_version ?? undefined) as VersionId | undefined,
    strategy: strategies.mustFromWire(row.strategy as WireStrategy),
    decision: conflictDecisions.mustFromWire(row.decision as WireDecision),
    fields: fieldsFromText(row.fields),
    localAuthor: row.local_author as UserId,
    localDevice: row.local_device as DeviceId,
    serverAuthor: (row.server_author ?? undefined) as UserId | undefined,
    serverDevice: (row.server_device ?? undefined) as DeviceId | undefined,
    openedUs: row.opened_us,
    settledUs: row.settled_us,
    settledBy: (row.settled_by ?? undefined) as UserId | undefined,
    etag: String(row.revision),
  };
}

/** The values of a row in the order of the columns from `conflict_id` to `revision`. */
export function conflictToValues(row: ConflictRow): (string | number | null)[] {
  return [
    row.id,
    row.record,
    recordKinds.toWire(row.recordKind),
    conflictTypes.toWire(row.type),
    row.localVersion,
    row.serverVersion ?? null,
    row.baseVersion ?? null,
    row.resolvedVersion ?? null,
    strategies.toWire(row.strategy),
    conflictDecisions.toWire(row.decision),
    JSON.stringify(row.fields),
    row.localAuthor,
    row.localDevice,
    row.serverAuthor ?? null,
    row.serverDevice ?? null,
    row.openedUs,
    row.settledUs,
    row.settledBy ?? null,
    Number(row.etag),
  ];
}

/** A row of policies. */
export interface PolicyRow {
  readonly entity_type: number;
  readonly strategy: number | null;
  readonly field_rules: string;
}

/** A policy; entity type 0 is the default of all types without their own. */
export function policyFromRow(row: PolicyRow): ConflictPolicy {
  const rules: Record<string, string> = JSON.parse(row.field_rules);
  return {
    entityType: row.entity_type === 0 ? undefined : entityTypeFromCode(row.entity_type),
    strategy: row.strategy === null ? undefined : strategies.mustFromWire(row.strategy as WireStrategy),
    fieldRules: new Map(Object.entries(rules)),
  };
}

/** JSON leaves out what is undefined, so an absent key reads as undefined again. */
function fieldsFromText(text: string): FieldConflict[] {
  const fields: Partial<FieldConflict>[] = JSON.parse(text);
  return fields.map((field) => ({
    field: field.field ?? "",
    localJson: field.localJson,
    serverJson: field.serverJson,
    baseJson: field.baseJson,
    decidedJson: field.decidedJson,
    rule: field.rule ?? "",
  }));
}
