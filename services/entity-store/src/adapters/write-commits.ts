import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { boolArray, byteaArray, int2Array, int8Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import type { Statement } from "@funkygibbon/postgres/transaction";
import { sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes } from "@funkygibbon/wire/outcomes";
import type { CommitWrites, KeptDecision } from "../domain/commit-plan.ts";
import { headName } from "../domain/head-name.ts";
import { REQUEST_RETENTION_US } from "../domain/remembered-request.ts";
import { conflictToValues } from "./conflict-row.ts";
import { codesOf, stampsToText } from "./version-row.ts";

/** The writes of one household. */
export interface HouseholdWrites {
  readonly household: HouseholdId;
  readonly writes: CommitWrites;
}

/** What commit_write is told of a version: no head, the first head of its record, a head in place of another. */
const NO_HEAD = 0;
const FIRST_HEAD = 1;
const REPLACED_HEAD = 2;

/** A statement of a commit with its parameters. */
export interface WriteStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/**
 * What was planned, as statements to be sent together: one for the logs of all households, and rarely others.
 * @throws whatever cannot be put into parameters; nothing must have been sent then.
 */
export function writeStatements(commits: readonly HouseholdWrites[]): WriteStatement[] {
  const statements: WriteStatement[] = [];
  const add = (statement: Statement, values: readonly unknown[]) => void statements.push({ statement, values });
  const appending = commits.filter(({ writes }) => writes.versions.length > 0);
  if (appending.length > 0) add(WRITE, writeValues(appending));
  for (const { household, writes } of commits) {
    for (const row of writes.newConflicts) add(INSERT_CONFLICT, [household, ...conflictToValues(row)]);
    for (const row of writes.changedConflicts) add(UPDATE_CONFLICT, [household, ...conflictToValues(row)]);
    if (writes.decision !== undefined) add(INSERT_DECISION, [household, ...decisionToValues(writes.decision)]);
    if (writes.request === undefined) continue;
    const { key, result, createdUs } = writes.request;
    add(FORGET_REQUESTS, [household, createdUs - REQUEST_RETENTION_US]);
    add(REMEMBER_REQUEST, [household, key.id, key.fingerprint, result, createdUs]);
  }
  return statements;
}

function decisionToValues({ conflict, seq, author, origin }: KeptDecision): (string | number)[] {
  const { id, etag, record, settledUs } = conflict;
  const { channel, clientName, tool, callId } = origin;
  return [seq, settledUs, id, Number(etag), record, author, channel, clientName, tool, callId];
}

function writeValues(commits: readonly HouseholdWrites[]): (Buffer | null)[] {
  return [...householdValues(commits), ...versionValues(commits), ...clockValues(commits)];
}

function householdValues(commits: readonly HouseholdWrites[]): Buffer[] {
  return [
    textArray(commits.map(({ household }) => household)),
    uuidArray(commits.map(({ writes }) => writes.previous.epoch)),
    int8Array(commits.map(({ writes }) => writes.previous.headSeq)),
    int8Array(commits.map(({ writes }) => BigInt.asIntN(64, writes.previous.digest))),
    int8Array(commits.map(({ writes }) => writes.previous.committedUs)),
    int8Array(commits.map(({ writes }) => writes.position.headSeq)),
    int8Array(commits.map(({ writes }) => BigInt.asIntN(64, writes.position.digest))),
    int8Array(commits.map(({ writes }) => writes.position.committedUs)),
  ];
}

function versionValues(commits: readonly HouseholdWrites[]): (Buffer | null)[] {
  const rows = commits.flatMap(({ writes }, index) => {
    const heads = new Map(writes.heads.map((head) => [head.seq, head]));
    return writes.versions.map((version) => ({ household: index + 1, version, head: heads.get(version.seq) }));
  });
  const versions = rows.map(({ version }) => version);
  const codes = versions.map(({ content }) => codesOf(content));
  const ends = versions.map(({ content }) => (content.kind === "relationship" ? content : undefined));
  return [
    int2Array(rows.map((row) => row.household)),
    int8Array(versions.map((version) => version.seq)),
    uuidArray(versions.map((version) => version.record)),
    textArray(versions.map((version) => version.version)),
    textArray(versions.map((version) => version.device)),
    int8Array(versions.map((version) => version.sequence)),
    sparse(textArray, versions, ({ parents }) => (parents.length === 0 ? null : parents.join(" "))),
    int2Array(codes.map((code) => code.kind)),
    int2Array(codes.map((code) => code.type)),
    sparse(uuidArray, ends, (edge) => edge?.from ?? null),
    sparse(uuidArray, ends, (edge) => edge?.to ?? null),
    sparse(textArray, versions, (version) => version.bodyText),
    boolArray(versions.map((version) => version.deleted)),
    byteaArray(versions.map((version) => version.contentHash)),
    sparse(textArray, versions, (version) => stampsToText(version.stamps)),
    int2Array(versions.map((version) => sourceTypes.toWire(version.source))),
    textArray(versions.map((version) => version.author)),
    sparse(textArray, versions, (version) => version.healer ?? null),
    int8Array(versions.map((version) => version.claimedUs)),
    int8Array(versions.map((version) => version.effectiveUs)),
    int2Array(versions.map((version) => outcomes.toWire(version.outcome))),
    sparse(textArray, versions, ({ origin }) => origin?.channel ?? null),
    sparse(textArray, versions, ({ origin }) => origin?.clientName ?? null),
    sparse(textArray, versions, ({ origin }) => origin?.tool ?? null),
    sparse(textArray, versions, ({ origin }) => origin?.callId ?? null),
    int2Array(rows.map(({ head }) => (head === undefined ? NO_HEAD : head.replaces ? REPLACED_HEAD : FIRST_HEAD))),
    sparse(textArray, rows, ({ head }) => (head === undefined ? null : headName(head.detail.content.body))),
    boolArray(rows.map(({ head }) => head?.cascaded === true)),
    int8Array(rows.map(({ head }) => BigInt.asIntN(64, head?.digestTerm ?? 0n))),
  ];
}

function clockValues(commits: readonly HouseholdWrites[]): Buffer[] {
  const rows = commits.flatMap(({ writes }, index) => writes.clocks.map((clock) => ({ household: index + 1, clock })));
  return [
    int2Array(rows.map((row) => row.household)),
    textArray(rows.map(({ clock }) => clock.device)),
    int8Array(rows.map(({ clock }) => clock.sequence)),
    textArray(rows.map(({ clock }) => clock.version)),
    int8Array(rows.map(({ clock }) => clock.effectiveUs)),
  ];
}

/** The array, or a plain null when there is nothing in it: unnest fills up with nulls, and nothing is sent. */
function sparse<Row, T>(
  array: (values: readonly (T | null)[]) => Buffer,
  rows: readonly Row[],
  value: (row: Row) => T | null,
): Buffer | null {
  const values = rows.map(value);
  return values.every((one) => one === null) ? null : array(values);
}

const WRITE: Statement = {
  name: "commit.write",
  text: `select commit_write(
    $1::text[], $2::uuid[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int2[],
    $10::int8[], $11::uuid[], $12::text[], $13::text[], $14::int8[], $15::text[], $16::int2[], $17::int2[],
    $18::uuid[], $19::uuid[], $20::text[], $21::bool[], $22::bytea[], $23::text[], $24::int2[], $25::text[],
    $26::text[], $27::int8[], $28::int8[], $29::int2[], $30::text[], $31::text[], $32::text[], $33::text[],
    $34::int2[], $35::text[], $36::bool[], $37::int8[], $38::int2[], $39::text[], $40::int8[], $41::text[],
    $42::int8[])`,
};

const INSERT_CONFLICT: Statement = {
  name: "commit.insert_conflict",
  text: `insert into conflicts (household_id, conflict_id, record_id, record_kind, type, local_version, server_version,
      base_version, resolved_version, strategy, decision, fields, local_author, local_device, server_author,
      server_device, opened_us, settled_us, settled_by, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
};

const UPDATE_CONFLICT: Statement = {
  name: "commit.update_conflict",
  text: `update conflicts set record_id = $3, record_kind = $4, type = $5, local_version = $6, server_version = $7,
      base_version = $8, resolved_version = $9, strategy = $10, decision = $11, fields = $12, local_author = $13,
      local_device = $14, server_author = $15, server_device = $16, opened_us = $17, settled_us = $18,
      settled_by = $19, revision = $20
    where household_id = $1 and conflict_id = $2`,
};

const INSERT_DECISION: Statement = {
  name: "commit.insert_decision",
  text: `insert into decisions (household_id, seq, decided_us, conflict_id, revision, record_id, author, origin_channel,
      origin_client, origin_tool, origin_call)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
};

const FORGET_REQUESTS: Statement = {
  name: "commit.forget_requests",
  text: "delete from request_ids where household_id = $1 and created_us <= $2",
};

const REMEMBER_REQUEST: Statement = {
  name: "commit.remember_request",
  text: `insert into request_ids (household_id, request_id, fingerprint, result, created_us) values ($1, $2, $3, $4, $5)`,
};
