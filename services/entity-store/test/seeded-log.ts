import { createHash } from "node:crypto";
import { contentHash, type RecordContent } from "@funkygibbon/kernel/content";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import {
  type HouseholdId,
  parseDeviceId,
  parseHouseholdId,
  parseRecordId,
  type RecordId,
} from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { formatVersion, type VersionId } from "@funkygibbon/kernel/version";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { TestDatabase } from "../../../test/support/test-database.ts";

/** When the first commit of a seeded log was made. */
export const SEED_START_US = Date.UTC(2026, 0, 1) * 1_000;
/** Time between two commits of a seeded log. */
export const SEED_STEP_US = 1_000_000;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const device = parseDeviceId("seed");

interface SeededVersion {
  readonly seq: number;
  readonly record: RecordId;
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  readonly content: RecordContent;
  readonly committedUs: number;
  /** Number of the outcome; APPLIED by default. */
  readonly outcome: number;
}

/**
 * A household's log that is written straight into the tables, as commits would have left it: for reads that need a
 * certain past, or a large one. Every version is a commit of its own, one second after the last.
 */
export class SeededLog {
  readonly household: HouseholdId;
  readonly #versions: SeededVersion[] = [];
  readonly #heads = new Map<RecordId, SeededVersion>();

  constructor(household: string) {
    this.household = parseHouseholdId(household);
  }

  /** The commit time of the newest version. */
  get nowUs(): number {
    return SEED_START_US + this.#versions.length * SEED_STEP_US;
  }

  /** Creates or updates an entity; a null body deletes it. */
  entity(id: RecordId, type: EntityType, body: JsonObject | null): SeededVersion {
    return this.#put(id, { kind: "entity", type, body });
  }

  /** Creates or updates an edge; null properties delete it. */
  edge(id: RecordId, [from, type, to]: [RecordId, RelationshipType, RecordId], properties: JsonObject | null = {}) {
    return this.#put(id, { kind: "relationship", type, from, to, body: properties });
  }

  /** A version that lost: it is in the log and never was head. */
  superseded(id: RecordId, type: EntityType, body: JsonObject): SeededVersion {
    return this.#put(id, { kind: "entity", type, body }, 3);
  }

  #put(record: RecordId, content: RecordContent, outcome = 1): SeededVersion {
    const seq = this.#versions.length + 1;
    const head = this.#heads.get(record);
    const committedUs = SEED_START_US + seq * SEED_STEP_US;
    const version: SeededVersion = {
      seq,
      record,
      version: formatVersion(committedUs, device, seq),
      parents: head === undefined ? [] : [head.version],
      content,
      committedUs,
      outcome,
    };
    this.#versions.push(version);
    if (outcome === 1) this.#heads.set(record, version);
    return version;
  }

  /** Writes everything into empty tables. */
  async write(database: TestDatabase): Promise<void> {
    const head_seq = this.#versions.length;
    let digest = 0n;
    for (const head of this.#heads.values()) {
      if (head.content.body !== null) digest = addToDigest(digest, digestTerm(head.record, head.version, sha256));
    }
    for (let from = 0; from < this.#versions.length; from += 5_000) {
      const rows = this.#versions.slice(from, from + 5_000).map((version) => this.#versionRow(version));
      await database.sql(
        `insert into record_versions (household_id, seq, record_id, version, device_id, sequence, parents, kind, type,
           from_id, to_id, body, deleted, content_hash, source, author, claimed_us, effective_us, committed_us, outcome)
         select $1, seq, record_id, version, 'seed', seq, parents, kind, type, from_id, to_id, body, deleted,
           decode(content_hash, 'hex'), 1, 'ada', committed_us, committed_us, committed_us, outcome
         from json_to_recordset($2) as v (seq bigint, record_id uuid, version text, parents text[], kind smallint,
           type smallint, from_id uuid, to_id uuid, body text, deleted boolean, content_hash text, committed_us bigint,
           outcome smallint)`,
        [this.household, JSON.stringify(rows)],
      );
    }
    const heads = [...this.#heads.values()].map((head) => ({
      ...this.#versionRow(head),
      name:
        typeof head.content.body?.name === "string" ? head.content.body.name.replaceAll("\0", "").slice(0, 256) : "",
      digest_term: BigInt.asIntN(64, digestTerm(head.record, head.version, sha256)).toString(),
    }));
    await database.sql(
      `insert into heads (household_id, record_id, seq, version, kind, type, source, name, deleted, digest_term,
         from_id, to_id)
       select $1, record_id, seq, version, kind, type, 1, name, deleted, digest_term, from_id, to_id
       from json_to_recordset($2) as v (record_id uuid, seq bigint, version text, kind smallint, type smallint,
         name text, deleted boolean, digest_term bigint, from_id uuid, to_id uuid)`,
      [this.household, JSON.stringify(heads)],
    );
    const newest = this.#versions.at(-1);
    if (newest !== undefined) {
      await database.sql(
        `insert into devices (household_id, device_id, highest_sequence, newest_version, newest_effective_us)
         values ($1, $2, $3, $4, $5)`,
        [this.household, device, newest.seq, newest.version, newest.committedUs],
      );
    }
    // Last: whoever finds the household finds all of its log.
    await database.sql(
      `insert into households (household_id, epoch, head_seq, digest, committed_us, created_us)
       values ($1, gen_random_uuid(), $2, $3, $4, $5)`,
      [this.household, head_seq, BigInt.asIntN(64, digest).toString(), this.nowUs, SEED_START_US],
    );
  }

  #versionRow({ seq, record, version, parents, content, committedUs, outcome }: SeededVersion) {
    const edge = content.kind === "relationship" ? content : undefined;
    return {
      seq,
      record_id: record,
      version,
      parents,
      kind: edge === undefined ? 1 : 2,
      type: content.kind === "entity" ? entityTypes.toWire(content.type) : relationshipTypes.toWire(content.type),
      from_id: edge?.from ?? null,
      to_id: edge?.to ?? null,
      body: content.body === null ? null : JSON.stringify(content.body),
      deleted: content.body === null,
      content_hash: contentHash(content, sha256),
      committed_us: committedUs,
      outcome,
    };
  }
}

/** A readable id: the first eight digits are `n`. */
export function seedId(n: number): RecordId {
  return parseRecordId(`${String(n).padStart(8, "0")}-0000-4000-8000-000000000000`);
}
