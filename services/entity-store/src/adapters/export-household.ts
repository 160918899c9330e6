import type { EntityType as WireEntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { notFound } from "@funkygibbon/kernel/errors";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import {
  type DecisionLine,
  type DeviceLine,
  type ExportLine,
  HOUSEHOLD_FORMAT,
  type HouseholdLine,
  type PolicyLine,
  type VersionLine,
} from "../domain/household-lines.ts";
import type { CommandTransaction } from "./command-connection.ts";
import { CONFLICT_COLUMNS, type ConflictTableRow, conflictFromRow, policyFromRow } from "./conflict-row.ts";
import { originFromRow, VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** Rows in memory at a time; a body has at most 64 KiB. */
const BATCH = 500;

/**
 * A household as lines, from one snapshot. The transaction is scoped to the household.
 * @throws DomainError `not-found` when there is none.
 */
export async function* exportHousehold(tx: CommandTransaction, household: HouseholdId): AsyncGenerator<ExportLine> {
  const [found] = await tx.rows<HouseholdRow>(HOUSEHOLD, [household]);
  if (found === undefined) throw notFound("household", household);
  let lines = 1;
  yield householdLine(household, found);
  const sections = [
    linesOf(tx.stream<HeadedVersionRow>(VERSIONS, [household], BATCH), versionLine),
    linesOf(
      tx.stream<ConflictTableRow>(CONFLICTS, [household], BATCH),
      (row): ExportLine => ({
        line: "conflict",
        ...conflictFromRow(row),
      }),
    ),
    linesOf(tx.stream<DecisionTableRow>(DECISIONS, [household], BATCH), decisionLine),
    linesOf(tx.stream<PolicyTableRow>(POLICIES, [household], BATCH), policyLine),
    linesOf(tx.stream<DeviceRow>(DEVICES, [household], BATCH), deviceLine),
  ];
  for (const section of sections) {
    for await (const line of section) {
      lines += 1;
      yield line;
    }
  }
  yield { line: "end", lines };
}

async function* linesOf<Row>(batches: AsyncIterable<Row[]>, lineOf: (row: Row) => ExportLine) {
  for await (const rows of batches) yield* rows.map(lineOf);
}

interface HouseholdRow {
  readonly epoch: string;
  readonly head_seq: number;
  /** Two's complement. */
  readonly digest: string;
  readonly committed_us: number;
  readonly created_us: number;
}

function householdLine(household: HouseholdId, row: HouseholdRow): HouseholdLine {
  return {
    line: "household",
    format: HOUSEHOLD_FORMAT,
    household,
    epoch: row.epoch,
    headSeq: row.head_seq,
    digest: BigInt.asUintN(64, BigInt(row.digest)).toString(),
    committedUs: row.committed_us,
    createdUs: row.created_us,
  };
}

interface HeadedVersionRow extends VersionRow {
  readonly head: boolean;
  readonly cascaded: boolean;
}

function versionLine(row: HeadedVersionRow): VersionLine {
  const version = versionFromRow(row);
  const { body: _body, ...content } = version.content;
  return {
    line: "version",
    seq: version.seq,
    id: version.record,
    version: version.version,
    parents: version.parents,
    content,
    body: row.body ?? undefined,
    bodyRemoved: row.body_removed || undefined,
    deleted: row.deleted,
    contentHash: version.contentHash,
    stamps: version.stamps,
    source: version.source,
    author: version.author,
    healer: version.healer,
    claimedUs: version.claimedUs,
    effectiveUs: version.effectiveUs,
    committedUs: version.committedUs,
    outcome: must(version.outcome, "a stored version has an outcome"),
    origin: version.origin,
    head: row.head || undefined,
    cascaded: row.cascaded || undefined,
  };
}

type DecisionTableRow = Pick<VersionRow, "origin_channel" | "origin_client" | "origin_tool" | "origin_call"> & {
  readonly conflict_id: string;
  readonly revision: number;
  readonly record_id: string;
  readonly seq: number;
  readonly decided_us: number;
  readonly author: string;
};

function decisionLine(row: DecisionTableRow): DecisionLine {
  return {
    line: "decision",
    conflict: row.conflict_id,
    revision: row.revision,
    record: row.record_id as RecordId,
    seq: row.seq,
    decidedUs: row.decided_us,
    author: row.author,
    origin: must(originFromRow(row), "a decision came in through a door"),
  };
}

interface PolicyTableRow {
  readonly entity_type: number;
  readonly strategy: number | null;
  readonly field_rules: string;
  readonly changed_us: number;
  readonly changed_by: string;
}

function policyLine(row: PolicyTableRow): PolicyLine {
  const { strategy, fieldRules } = policyFromRow(row);
  return {
    line: "policy",
    entityType: row.entity_type === 0 ? undefined : entityTypes.mustFromWire(row.entity_type as WireEntityType),
    strategy,
    fieldRules: [...fieldRules],
    changedUs: row.changed_us,
    changedBy: row.changed_by,
  };
}

interface DeviceRow {
  readonly device_id: string;
  readonly user_id: string | null;
  readonly highest_sequence: number;
  readonly newest_version: string | null;
  readonly newest_effective_us: number;
  readonly last_seen_us: number;
  readonly client_version: string;
  readonly platform: string;
}

function deviceLine(row: DeviceRow): DeviceLine {
  return {
    line: "device",
    device: row.device_id,
    user: row.user_id ?? undefined,
    highestSequence: row.highest_sequence,
    newestVersion: row.newest_version ?? undefined,
    newestEffectiveUs: row.newest_effective_us,
    lastSeenUs: row.last_seen_us,
    clientVersion: row.client_version,
    platform: row.platform,
  };
}

const HOUSEHOLD = `
  select h.epoch, h.head_seq, h.digest::text as digest, h.committed_us, h.created_us
  from households h where h.household_id = $1`;

const VERSIONS = `
  select ${VERSION_COLUMNS}, h.record_id is not null as head, coalesce(h.cascaded, false) as cascaded
  from record_versions v
  left join heads h on h.household_id = v.household_id and h.record_id = v.record_id and h.seq = v.seq
  where v.household_id = $1 order by v.seq`;

const CONFLICTS = `
  select ${CONFLICT_COLUMNS} from conflicts c where c.household_id = $1 order by c.opened_us, c.conflict_id`;

const DECISIONS = `
  select conflict_id, revision, record_id, seq, decided_us, author, origin_channel, origin_client, origin_tool, origin_call
  from decisions where household_id = $1 order by seq, decided_us, conflict_id, revision`;

const POLICIES = `
  select entity_type, strategy, field_rules, changed_us, changed_by
  from policies where household_id = $1 order by entity_type`;

const DEVICES = `
  select device_id, user_id, highest_sequence, newest_version, newest_effective_us, last_seen_us, client_version, platform
  from devices where household_id = $1 order by device_id`;
