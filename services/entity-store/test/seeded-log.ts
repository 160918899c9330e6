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
import { byteaArray, int2Array, int8Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { TestDatabase } from "../../../test/support/test-database.ts";
import { headName } from "../src/domain/head-name.ts";

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
  /** The commit time of the first accepted version of its record. */
  readonly createdUs: number;
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

  /** The seq of the newest version. */
  get headSeq(): number {
    return this.#versions.length;
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
      createdUs: head?.createdUs ?? committedUs,
      outcome,
    };
    this.#versions.push(version);
    if (outcome === 1) this.#heads.set(record, version);
    return version;
  }

  /** Writes everything into empty tables. */
  async write(database: Pick<TestDatabase, "sql">): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    for (let from = 0; from < this.#versions.length; from += ROWS_PER_STATEMENT) {
      const columns = this.#versionColumns(this.#versions.slice(from, from + ROWS_PER_STATEMENT));
      await writing;
      writing = database.sql(INSERT_VERSIONS, columns);
    }
    await writing;
    let digest = 0n;
    const heads = [...this.#heads.values()].map((head) => {
      const term = digestTerm(head.record, head.version, sha256);
      if (head.content.body !== null) digest = addToDigest(digest, term);
      return { ...head, term: BigInt.asIntN(64, term) };
    });
    for (let from = 0; from < heads.length; from += ROWS_PER_STATEMENT) {
      const some = heads.slice(from, from + ROWS_PER_STATEMENT);
      await database.sql(INSERT_HEADS, [
        this.household,
        int8Array(some.map(({ seq }) => seq)),
        textArray(some.map(({ content }) => headName(content.body))),
        int8Array(some.map(({ term }) => term)),
      ]);
    }
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
      [this.household, this.headSeq, BigInt.asIntN(64, digest).toString(), this.nowUs, SEED_START_US],
    );
  }

  #versionColumns(versions: readonly SeededVersion[]): unknown[] {
    const ends = versions.map(({ content }) => (content.kind === "relationship" ? content : undefined));
    return [
      this.household,
      int8Array(versions.map(({ seq }) => seq)),
      uuidArray(versions.map(({ record }) => record)),
      textArray(versions.map(({ version }) => version)),
      textArray(versions.map(({ parents }) => parents.join(" "))),
      int2Array(ends.map((edge) => (edge === undefined ? 1 : 2))),
      int2Array(versions.map(({ content }) => typeNumber(content))),
      uuidArray(ends.map((edge) => edge?.from ?? null)),
      uuidArray(ends.map((edge) => edge?.to ?? null)),
      textArray(versions.map(({ content }) => (content.body === null ? null : JSON.stringify(content.body)))),
      byteaArray(versions.map(({ content }) => contentHash(content, sha256))),
      int8Array(versions.map(({ committedUs }) => committedUs)),
      int8Array(versions.map(({ createdUs }) => createdUs)),
      int2Array(versions.map(({ outcome }) => outcome)),
    ];
  }
}

const ROWS_PER_STATEMENT = 10_000;

const INSERT_VERSIONS = `
  insert into record_versions (household_id, seq, record_id, version, device_id, sequence, parents, kind, type,
    from_id, to_id, body, deleted, content_hash, source, author, claimed_us, effective_us, committed_us,
    created_us, outcome)
  select $1, seq, record_id, version, 'seed', seq, string_to_array(parents, ' '), kind, type, from_id, to_id, body,
    body is null, content_hash, 1, 'ada', committed_us, committed_us, committed_us, created_us, outcome
  from unnest($2::int8[], $3::uuid[], $4::text[], $5::text[], $6::int2[], $7::int2[], $8::uuid[], $9::uuid[],
    $10::text[], $11::bytea[], $12::int8[], $13::int8[], $14::int2[])
    as v (seq, record_id, version, parents, kind, type, from_id, to_id, body, content_hash, committed_us, created_us,
      outcome)`;

const INSERT_HEADS = `
  insert into heads (household_id, record_id, seq, version, kind, type, source, name, deleted, digest_term, from_id, to_id)
  select $1, v.record_id, v.seq, v.version, v.kind, v.type, v.source, h.name, v.deleted, h.digest_term, v.from_id, v.to_id
  from unnest($2::int8[], $3::text[], $4::int8[]) as h (seq, name, digest_term)
  join record_versions v on v.household_id = $1 and v.seq = h.seq`;

function typeNumber(content: RecordContent): number {
  return content.kind === "entity" ? entityTypes.toWire(content.type) : relationshipTypes.toWire(content.type);
}

/** A readable id: the first eight digits are `n`. */
export function seedId(n: number): RecordId {
  return parseRecordId(`${String(n).padStart(8, "0")}-0000-4000-8000-000000000000`);
}
