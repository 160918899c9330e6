import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import { parseVersion, type VersionId } from "@funkygibbon/kernel/version";
import { int8Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { sequenceKey, versionKey } from "../domain/commit-facts.ts";
import {
  CONFLICT_COLUMNS,
  type ConflictTableRow,
  conflictFromRow,
  type PolicyRow,
  policyFromRow,
} from "./conflict-row.ts";
import type { Asking } from "./read-facts.ts";
import { outcomeFromCode, VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** What only diverged, late and API edits ask for, one household at a time. */
export async function readRareFacts(tx: Transaction, asking: Asking): Promise<void> {
  await Promise.all([
    readLineages(tx, asking),
    readVersions(tx, asking),
    readNeighbours(tx, asking),
    readOpenConflicts(tx, asking),
    readConflicts(tx, asking),
    readRequests(tx, asking),
    readPolicies(tx, asking),
  ]);
}

async function readLineages(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.lineages.size === 0) return;
  const found = new Map([...needs.lineages].map((record) => [record, [] as ReturnType<typeof lineageEntry>[]]));
  const rows = await tx.query<LineageRow>(READ_LINEAGES, [household, uuidArray([...needs.lineages])]);
  for (const row of rows) found.get(row[0])?.push(lineageEntry(row));
  for (const [record, entries] of found) sheet.lineages.set(record, entries);
}

async function readVersions(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.versions.size === 0) return;
  const keys = [...needs.versions.values()];
  for (const key of keys) sheet.versions.set(versionKey(key), null);
  const parsed = keys.map((key) => parseVersion(key.version));
  const rows = await tx.query<VersionRow>(READ_VERSIONS, [
    household,
    uuidArray(keys.map((key) => key.record)),
    textArray(keys.map((key) => key.version)),
    textArray(parsed.map((version) => version.device)),
    int8Array(parsed.map((version) => version.sequence)),
  ]);
  for (const row of rows) {
    const version = versionFromRow(row);
    sheet.versions.set(versionKey(version), version);
  }
}

async function readNeighbours(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.neighbours.size === 0) return;
  const keys = [...needs.neighbours.values()];
  const rows = await tx.query<NeighbourRow>(READ_NEIGHBOURS, [
    household,
    textArray(keys.map((key) => key.device)),
    int8Array(keys.map((key) => key.sequence)),
  ]);
  for (const row of rows) {
    const key = sequenceKey({ device: row.device_id as DeviceId, sequence: row.sequence });
    sheet.neighbours.set(key, { lowerUs: row.lower_us ?? undefined, higherUs: row.higher_us ?? undefined });
  }
}

async function readOpenConflicts(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.openConflicts.size === 0) return;
  const found = new Map([...needs.openConflicts].map((record) => [record, [] as ReturnType<typeof conflictFromRow>[]]));
  const rows = await tx.query<ConflictTableRow>(READ_OPEN_CONFLICTS, [household, uuidArray([...needs.openConflicts])]);
  for (const row of rows) found.get(row.record_id as RecordId)?.push(conflictFromRow(row));
  for (const [record, conflicts] of found) sheet.openConflicts.set(record, conflicts);
}

async function readConflicts(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.conflicts.size === 0) return;
  for (const id of needs.conflicts) sheet.conflicts.set(id, null);
  const rows = await tx.query<ConflictTableRow>(READ_CONFLICTS, [household, uuidArray([...needs.conflicts])]);
  for (const row of rows) sheet.conflicts.set(row.conflict_id, conflictFromRow(row));
}

async function readRequests(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (needs.requests.size === 0) return;
  for (const id of needs.requests) sheet.requests.set(id, null);
  const rows = await tx.query<RequestRow>(READ_REQUESTS, [household, textArray([...needs.requests])]);
  for (const row of rows) {
    sheet.requests.set(row.request_id, {
      fingerprint: row.fingerprint,
      result: row.result,
      createdUs: row.created_us,
    });
  }
}

async function readPolicies(tx: Transaction, { household, needs, sheet }: Asking): Promise<void> {
  if (!needs.policies) return;
  sheet.policies = (await tx.query<PolicyRow>(READ_POLICIES, [household])).map(policyFromRow);
}

type LineageRow = readonly [
  record: RecordId,
  version: VersionId,
  parents: string,
  seq: number,
  outcome: number,
  deleted: boolean,
];

interface NeighbourRow {
  readonly device_id: string;
  readonly sequence: number;
  readonly lower_us: number | null;
  readonly higher_us: number | null;
}

interface RequestRow {
  readonly request_id: string;
  readonly fingerprint: string;
  readonly result: string;
  readonly created_us: number;
}

function lineageEntry([, version, parents, seq, outcome, deleted]: LineageRow) {
  return {
    version,
    parents: parents === "" ? [] : (parents.split(" ") as VersionId[]),
    seq,
    outcome: outcomeFromCode(outcome),
    deleted,
  };
}

/** A record may have tens of thousands of versions: rows as arrays, and parents as text, cost a third. */
const READ_LINEAGES: Statement = {
  name: "commit.read_lineages",
  rowMode: "array",
  text: `select record_id, version, array_to_string(parents, ' '), seq, outcome, deleted from record_versions
    where household_id = $1 and record_id = any ($2::uuid[])`,
};

/** By device and sequence, which are indexed and spelt out in the version. */
const READ_VERSIONS: Statement = {
  name: "commit.read_whole_versions",
  text: `select ${VERSION_COLUMNS}
    from unnest($2::uuid[], $3::text[], $4::text[], $5::int8[]) as q (record, version, device, sequence)
    cross join lateral (select * from record_versions v
      where v.household_id = $1 and v.device_id = q.device and v.sequence = q.sequence offset 0) v
    where v.record_id = q.record and v.version = q.version`,
};

const READ_NEIGHBOURS: Statement = {
  name: "commit.read_neighbours",
  text: `select q.device as device_id, q.sequence,
      (select v.effective_us from record_versions v
        where v.household_id = $1 and v.device_id = q.device and v.sequence < q.sequence
        order by v.sequence desc limit 1) as lower_us,
      (select v.effective_us from record_versions v
        where v.household_id = $1 and v.device_id = q.device and v.sequence > q.sequence
        order by v.sequence limit 1) as higher_us
    from unnest($2::text[], $3::int8[]) as q (device, sequence)`,
};

const READ_OPEN_CONFLICTS: Statement = {
  name: "commit.read_open_conflicts",
  text: `select ${CONFLICT_COLUMNS} from conflicts c
    where c.household_id = $1 and c.record_id = any ($2::uuid[]) and c.settled_us = 0 order by c.opened_us`,
};

const READ_CONFLICTS: Statement = {
  name: "commit.read_conflicts",
  text: `select ${CONFLICT_COLUMNS} from conflicts c where c.household_id = $1 and c.conflict_id = any ($2::uuid[])`,
};

const READ_REQUESTS: Statement = {
  name: "commit.read_requests",
  text: `select request_id, fingerprint, result, created_us from request_ids
    where household_id = $1 and request_id = any ($2::text[])`,
};

const READ_POLICIES: Statement = {
  name: "commit.read_policies",
  text: "select entity_type, strategy, field_rules from policies where household_id = $1",
};
