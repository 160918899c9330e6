import { contentHash, type RecordContent } from "@funkygibbon/kernel/content";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import { failedPrecondition, invalid } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { type JsonObject, parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { parseVersion } from "@funkygibbon/kernel/version";
import { sha256 } from "@funkygibbon/runtime/sha256";
import { entityTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes, strategies } from "@funkygibbon/wire/outcomes";
import { headName } from "../domain/head-name.ts";
import type {
  DecisionLine,
  DeviceLine,
  ExportLine,
  HouseholdLine,
  PolicyLine,
  VersionLine,
} from "../domain/household-lines.ts";
import type { CommandTransaction } from "./command-connection.ts";
import { conflictToValues } from "./conflict-row.ts";
import { ImportedClocks } from "./imported-clocks.ts";
import { codesOf, stampsToText } from "./version-row.ts";

/** Versions written by one statement. */
const BATCH = 500;

/** Where a household is imported to. */
export interface ImportTarget {
  /** May differ from the one that was exported. */
  readonly household: HouseholdId;
  /** Of the imported household, as the log begins anew. */
  readonly epoch: string;
}

/** What was imported. */
export interface ImportReport {
  readonly versions: number;
  readonly heads: number;
}

/**
 * Writes an exported household. Nothing is taken on trust that can be computed: bodies against their hashes, seqs
 * against gaps, heads against the log, all heads against the digest.
 * @throws DomainError `invalid` naming the line; `failed-precondition` with reason HOUSEHOLD_NOT_EMPTY.
 */
export async function importHousehold(
  tx: CommandTransaction,
  lines: AsyncIterable<ExportLine>,
  target: ImportTarget,
): Promise<ImportReport> {
  const writing = new HouseholdImport(tx, target);
  for await (const line of lines) await writing.take(line);
  return writing.finish();
}

class HouseholdImport {
  readonly #tx: CommandTransaction;
  readonly #target: ImportTarget;
  #household: HouseholdLine | undefined;
  #pending: VersionLine[] = [];
  #rows: object[] = [];
  #taken = 0;
  #versions = 0;
  #heads = 0;
  #digest = 0n;
  #committedUs = 0;
  readonly #clocks = new ImportedClocks();
  #ended = false;

  constructor(tx: CommandTransaction, target: ImportTarget) {
    this.#tx = tx;
    this.#target = target;
  }

  async take(line: ExportLine): Promise<void> {
    const number = this.#taken + 1;
    if (this.#ended) throw refused(number, "nothing may follow the end");
    if ((line.line === "household") !== (number === 1)) throw refused(number, "the household comes first, and once");
    if (line.line !== "version") await this.#flush();
    switch (line.line) {
      case "household":
        await this.#found(line);
        break;
      case "version":
        await this.#version(line, number);
        break;
      case "end":
        if (line.lines !== this.#taken) throw refused(number, `says ${line.lines} lines, there are ${this.#taken}`);
        this.#ended = true;
        break;
      case "conflict":
        await this.#write(number, CONFLICT, [this.#target.household, ...conflictToValues(line)]);
        break;
      case "decision":
        await this.#write(number, DECISION, [this.#target.household, ...decisionValues(line)]);
        break;
      case "policy":
        await this.#write(number, POLICY, [this.#target.household, ...policyValues(line)]);
        break;
      case "device":
        if (!this.#clocks.agrees(line)) {
          throw refused(number, "highestSequence and newestVersion must be those of the device's newest version");
        }
        await this.#write(number, DEVICE, [this.#target.household, ...deviceValues(line)]);
        break;
    }
    this.#taken = number;
  }

  async finish(): Promise<ImportReport> {
    const household = this.#household;
    if (household === undefined || !this.#ended) throw refused(this.#taken + 1, "the end is missing");
    if (this.#versions !== household.headSeq) {
      throw refused(1, `says ${household.headSeq} versions, there are ${this.#versions}`);
    }
    if (this.#digest.toString() !== household.digest) throw refused(1, "the heads do not sum up to the digest");
    const { missing } = this.#clocks;
    if (missing !== undefined) throw refused(this.#taken, `the line of device ${missing} is missing`);
    if (this.#committedUs > household.committedUs) throw refused(1, "a version was committed after the last commit");
    const [wrong] = await this.#tx.rows<{ seq: number }>(WRONG_HEAD, [this.#target.household]);
    if (wrong !== undefined) throw refused(wrong.seq + 1, "the head of a record is its last accepted version");
    return { versions: this.#versions, heads: this.#heads };
  }

  async #found(line: HouseholdLine): Promise<void> {
    this.#household = line;
    const { household, epoch } = this.#target;
    const digest = BigInt.asIntN(64, BigInt(line.digest)).toString();
    const values = [household, epoch, line.headSeq, digest, line.committedUs, line.createdUs];
    const [founded] = await this.#tx.rows(FOUND, values);
    const [foreign] = await this.#tx.rows(ANYTHING_ELSE, [household]);
    if (founded === undefined || foreign !== undefined) {
      throw failedPrecondition("HOUSEHOLD_NOT_EMPTY", `household ${household} is not empty: nothing was imported`);
    }
    await this.#tx.rows(FOUND_RELAY, [household]);
  }

  async #version(line: VersionLine, number: number): Promise<void> {
    if (line.seq !== this.#versions + 1) throw refused(number, `seq must be ${this.#versions + 1}`);
    if (line.committedUs < this.#committedUs) throw refused(number, "committedUs may not decrease");
    const content = contentOf(line, number);
    this.#clocks.note(parseVersion(line.version));
    this.#versions = line.seq;
    this.#committedUs = line.committedUs;
    if (line.head === true) {
      this.#heads += 1;
      if (!line.deleted) this.#digest = addToDigest(this.#digest, digestTerm(line.id, line.version, sha256));
    }
    this.#pending.push(line);
    this.#rows.push(versionRow(line, content));
    if (this.#rows.length >= BATCH) await this.#flush();
  }

  async #flush(): Promise<void> {
    const [first] = this.#pending;
    if (first === undefined) return;
    const rows = JSON.stringify(this.#rows);
    const where = `${first.seq + 1} to ${first.seq + this.#pending.length}`;
    this.#pending = [];
    this.#rows = [];
    await this.#write(where, VERSIONS, [this.#target.household, rows]);
    await this.#write(where, HEADS, [this.#target.household, rows]);
  }

  async #write(where: number | string, statement: string, values: readonly unknown[]): Promise<void> {
    try {
      await this.#tx.rows(statement, values);
    } catch (error) {
      // A row that contradicts an earlier one: a version, head, conflict, policy or device that is there already.
      if (!(error instanceof Error && "code" in error && error.code === "23505")) throw error;
      throw refused(where, "detail" in error ? String(error.detail) : error.message);
    }
  }
}

/** What the line says, checked against its hash; the body is null in tombstones and where retention took it. */
function contentOf(line: VersionLine, number: number): RecordContent {
  const { body, bodyRemoved, deleted } = line;
  if ((body === undefined) !== (deleted || bodyRemoved === true)) {
    throw refused(number, "body must be there, except in tombstones and where bodyRemoved is true");
  }
  const content = { ...line.content, body: body === undefined ? null : parseBody(body, number) };
  if (bodyRemoved === true) {
    if (deleted || line.head === true) throw refused(number, "only old versions may have lost their body");
    return content;
  }
  if (contentHash(content, sha256) !== line.contentHash)
    throw refused(number, "contentHash is not that of the content");
  return content;
}

function parseBody(text: string, number: number): JsonObject {
  try {
    return parseJsonObject(text, BODY_LIMITS, "body").value;
  } catch (error) {
    throw refused(number, error instanceof Error ? error.message : String(error));
  }
}

function versionRow(line: VersionLine, content: RecordContent): object {
  const { device, sequence } = parseVersion(line.version);
  const ends = content.kind === "relationship" ? content : undefined;
  return {
    seq: line.seq,
    record_id: line.id,
    version: line.version,
    device_id: device,
    sequence,
    parents: line.parents,
    ...codesOf(content),
    from_id: ends?.from,
    to_id: ends?.to,
    body: line.body,
    body_removed: line.bodyRemoved === true,
    deleted: line.deleted,
    content_hash: line.contentHash,
    stamps: stampsToText(line.stamps),
    source: sourceTypes.toWire(line.source),
    author: line.author,
    healer: line.healer,
    claimed_us: line.claimedUs,
    effective_us: line.effectiveUs,
    committed_us: line.committedUs,
    outcome: outcomes.toWire(line.outcome),
    origin_channel: line.origin?.channel,
    origin_client: line.origin?.clientName,
    origin_tool: line.origin?.tool,
    origin_call: line.origin?.callId,
    head: line.head === true,
    cascaded: line.cascaded === true,
    name: line.head === true ? headName(content.body) : "",
    digest_term: BigInt.asIntN(64, digestTerm(line.id, line.version, sha256)).toString(),
  };
}

function decisionValues({ conflict, revision, record, seq, decidedUs, author, origin }: DecisionLine): unknown[] {
  const { channel, clientName, tool, callId } = origin;
  return [conflict, revision, record, seq, decidedUs, author, channel, clientName, tool, callId];
}

function policyValues(line: PolicyLine): (string | number | null)[] {
  return [
    line.entityType === undefined ? 0 : entityTypes.toWire(line.entityType),
    line.strategy === undefined ? null : strategies.toWire(line.strategy),
    JSON.stringify(Object.fromEntries(line.fieldRules)),
    line.changedUs,
    line.changedBy,
  ];
}

function deviceValues(line: DeviceLine): (string | number | null)[] {
  return [
    line.device,
    line.user ?? null,
    line.highestSequence,
    line.newestVersion ?? null,
    line.newestEffectiveUs,
    line.lastSeenUs,
    line.clientVersion,
    line.platform,
  ];
}

function refused(line: number | string, why: string) {
  const field = typeof line === "number" ? `line ${line}` : `lines ${line}`;
  return invalid([{ field, description: why }]);
}

const FOUND = `
  insert into households as h (household_id, epoch, head_seq, digest, committed_us, created_us)
  values ($1, $2::uuid, $3, $4::text::bigint, $5, $6)
  on conflict (household_id) do update set epoch = excluded.epoch, head_seq = excluded.head_seq,
    digest = excluded.digest, committed_us = excluded.committed_us, created_us = excluded.created_us
  where h.head_seq = 0
  returning 1 as founded`;

const ANYTHING_ELSE = `
  select 1 as found from record_versions where household_id = $1
  union all select 1 from policies where household_id = $1
  union all select 1 from conflicts where household_id = $1
  limit 1`;

const FOUND_RELAY = "insert into relay_positions (household_id) values ($1) on conflict (household_id) do nothing";

const VERSIONS = `
  insert into record_versions (
    household_id, seq, record_id, version, device_id, sequence, parents, kind, type, from_id, to_id, body, body_removed,
    deleted, content_hash, stamps, source, author, healer, claimed_us, effective_us, committed_us,
    created_us, outcome, origin_channel, origin_client, origin_tool, origin_call
  )
  select $1, v.seq, v.record_id, v.version, v.device_id, v.sequence, v.parents, v.kind, v.type, v.from_id, v.to_id,
    v.body, v.body_removed, v.deleted, decode(v.content_hash, 'hex'), v.stamps, v.source, v.author, v.healer,
    v.claimed_us, v.effective_us, v.committed_us,
    coalesce(
      (
        select f.created_us from record_versions f
        where f.household_id = $1 and f.record_id = v.record_id and f.outcome in (1, 2) order by f.seq limit 1
      ),
      min(v.committed_us) filter (where v.outcome in (1, 2)) over (partition by v.record_id order by v.seq),
      v.committed_us
    ),
    v.outcome, v.origin_channel, v.origin_client, v.origin_tool, v.origin_call
  from json_to_recordset($2::json) as v (
    seq bigint, record_id uuid, version text, device_id text, sequence bigint, parents text[], kind smallint,
    type smallint, from_id uuid, to_id uuid, body text, body_removed boolean, deleted boolean, content_hash text,
    stamps text, source smallint, author text, healer text, claimed_us bigint, effective_us bigint,
    committed_us bigint, outcome smallint, origin_channel text, origin_client text, origin_tool text, origin_call text
  )`;

const HEADS = `
  insert into heads (
    household_id, record_id, seq, version, kind, type, source, name, deleted, cascaded, digest_term, from_id, to_id
  )
  select $1, v.record_id, v.seq, v.version, v.kind, v.type, v.source, v.name, v.deleted, v.cascaded, v.digest_term,
    v.from_id, v.to_id
  from json_to_recordset($2::json) as v (
    head boolean, record_id uuid, seq bigint, version text, kind smallint, type smallint, source smallint, name text,
    deleted boolean, cascaded boolean, digest_term bigint, from_id uuid, to_id uuid
  )
  where v.head`;

/** Only versions that were APPLIED are heads; a MERGED one is followed by the merge, which is. */
const WRONG_HEAD = `
  select coalesce(h.seq, v.seq) as seq
  from (
    select record_id, max(seq) as seq from record_versions where household_id = $1 and outcome = 1
    group by record_id
  ) v
  full join (select record_id, seq from heads where household_id = $1) h on h.record_id = v.record_id
  where h.seq is distinct from v.seq
  order by 1 limit 1`;

const CONFLICT = `
  insert into conflicts (
    household_id, conflict_id, record_id, record_kind, type, local_version, server_version, base_version,
    resolved_version, strategy, decision, fields, local_author, local_device, server_author, server_device, opened_us,
    settled_us, settled_by, revision
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`;

const DECISION = `
  insert into decisions (
    household_id, conflict_id, revision, record_id, seq, decided_us, author, origin_channel, origin_client, origin_tool,
    origin_call
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

const POLICY = `
  insert into policies (household_id, entity_type, strategy, field_rules, changed_us, changed_by)
  values ($1, $2, $3, $4, $5, $6)`;

/** A device may have said hello to the empty household; its keys are of the log that is gone now. */
const DEVICE = `
  insert into devices (
    household_id, device_id, user_id, highest_sequence, newest_version, newest_effective_us, last_seen_us,
    client_version, platform
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (household_id, device_id) do update set user_id = excluded.user_id,
    highest_sequence = excluded.highest_sequence, newest_version = excluded.newest_version,
    newest_effective_us = excluded.newest_effective_us, last_seen_us = excluded.last_seen_us,
    client_version = excluded.client_version, platform = excluded.platform, acknowledged_seq = 0,
    acknowledged_epoch = null, session_key_hash = null, previous_key_hash = null`;
