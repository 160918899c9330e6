import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
  SourceType as WireSourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { type DeviceId, isReservedDevice, type RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { VersionId } from "@funkygibbon/kernel/version";
import { boolArray, int2Array, int8Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import { fateKey, type SequenceKey, sequenceKey, type WayEdge, wayKey } from "../domain/commit-facts.ts";
import type { Head } from "../domain/stored-version.ts";
import type { Asking } from "./read-facts.ts";
import { ENTITY_KIND, outcomeFromCode, type VersionRow, versionFromRow } from "./version-row.ts";

/** A question of one member of a group; `household` counts the members from 1, as the SQL functions do. */
interface Question<T> {
  readonly household: number;
  readonly item: T;
}

/** Heads, with the whole version where it was asked for. */
export async function readHeads(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  const questions = gather(askings, ({ needs }) => needs.heads);
  if (questions.length === 0) return;
  for (const { household, item } of questions) sheetOf(askings, household).heads.set(item[0], null);
  const rows = await tx.query<HeadRow & { household: number }>(READ_HEADS, [
    households(askings),
    int2Array(questions.map((question) => question.household)),
    uuidArray(questions.map(({ item }) => item[0])),
    boolArray(questions.map(({ item }) => item[1])),
  ]);
  for (const row of rows) sheetOf(askings, row.household).heads.set(row.record_id as RecordId, headFromRow(row));
}

/** Which versions bear the sequences that a push brings. */
export async function readSequences(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  const questions = gather(askings, ({ needs }) => needs.sequences.values());
  if (questions.length === 0) return;
  for (const { household, item } of questions) sheetOf(askings, household).sequences.set(sequenceKey(item), null);
  const lowest = lowestByDevice(questions);
  const rows = await tx.query<SequenceRow>(READ_VERSIONS, [
    households(askings),
    int2Array(lowest.map((question) => question.household)),
    textArray(lowest.map(({ item }) => item.device)),
    int8Array(lowest.map(({ item }) => item.sequence)),
    lowest.some(({ item }) => isReservedDevice(item.device)),
    int2Array(questions.map((question) => question.household)),
    textArray(questions.map(({ item }) => item.device)),
    int8Array(questions.map(({ item }) => item.sequence)),
  ]);
  for (const row of rows) {
    const known = {
      device: row.device_id as DeviceId,
      sequence: row.sequence,
      record: row.record_id as RecordId,
      version: row.version as VersionId,
      parents: row.parents as VersionId[],
      deleted: row.deleted,
      contentHash: row.content_hash.toString("hex"),
      kind: row.kind === ENTITY_KIND ? "entity" : "relationship",
      effectiveUs: row.effective_us,
      outcome: outcomeFromCode(row.outcome),
    } as const;
    sheetOf(askings, row.household).sequences.set(sequenceKey(known), known);
  }
}

/** The durable clocks of devices. */
export async function readClocks(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  const questions = gather(askings, ({ needs }) => needs.clocks);
  if (questions.length === 0) return;
  for (const { household, item } of questions) sheetOf(askings, household).clocks.set(item, null);
  const rows = await tx.query<ClockRow>(READ_CLOCKS, [
    households(askings),
    int2Array(questions.map((question) => question.household)),
    textArray(questions.map(({ item }) => item)),
  ]);
  for (const row of rows) {
    const device = row.device_id as DeviceId;
    sheetOf(askings, row.household).clocks.set(device, {
      device,
      sequence: row.highest_sequence,
      version: row.newest_version as VersionId,
      effectiveUs: row.newest_effective_us,
    });
  }
}

/** Edges at entities that are about to die or to live again. */
export async function readEdges(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  const questions = gather(askings, ({ needs }) => needs.edges.values());
  if (questions.length === 0) return;
  const found = new Map<string, Head[]>();
  const key = (household: number, fate: string) => `${household} ${fate}`;
  for (const { household, item } of questions) {
    const edges: Head[] = [];
    found.set(key(household, fateKey(item)), edges);
    sheetOf(askings, household).edges.set(fateKey(item), edges);
  }
  const rows = await tx.query<SlimHeadRow & { household: number; entity_id: string }>(READ_EDGES, [
    households(askings),
    int2Array(questions.map((question) => question.household)),
    uuidArray(questions.map(({ item }) => item.entity)),
    boolArray(questions.map(({ item }) => item.fate === "dies")),
  ]);
  for (const row of rows) {
    const fate = fateKey({ entity: row.entity_id as RecordId, fate: row.deleted ? "lives" : "dies" });
    found.get(key(row.household, fate))?.push(slimHead(row));
    const { heads } = sheetOf(askings, row.household);
    // The cascade asks for the heads of its edges; here they are.
    if (!heads.has(row.record_id as RecordId)) heads.set(row.record_id as RecordId, slimHead(row));
  }
}

/** The paths upwards from where new edges would lead. */
export async function readWays(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  const questions = gather(askings, ({ needs }) => needs.ways.values());
  if (questions.length === 0) return;
  const rows = await tx.query<WayRow>(READ_WAYS, [
    households(askings),
    int2Array(questions.map((question) => question.household)),
    int2Array(questions.map(({ item }) => relationshipTypes.toWire(item.type))),
    uuidArray(questions.map(({ item }) => item.node)),
  ]);
  const found = askings.map(() => new Map<string, WayEdge[]>());
  const edgesFrom = (household: number, start: string): WayEdge[] => {
    const ofHousehold = must(found[household - 1], "an answer is for one of those who asked");
    const edges = ofHousehold.get(start) ?? [];
    ofHousehold.set(start, edges);
    return edges;
  };
  for (const { household, item } of questions) edgesFrom(household, wayKey(item));
  for (const row of rows) {
    const edge = {
      type: relationshipTypes.mustFromWire(row.type as WireRelationshipType),
      record: row.record_id as RecordId,
      from: row.from_id as RecordId,
      to: row.to_id as RecordId,
    };
    edgesFrom(row.household, wayKey({ type: edge.type, node: edge.from })).push(edge);
    // Where the path ends is known too: nothing leads further up from there.
    edgesFrom(row.household, wayKey({ type: edge.type, node: edge.to }));
  }
  for (const [index, starts] of found.entries()) {
    for (const [start, edges] of starts) sheetOf(askings, index + 1).ways.set(start, edges);
  }
}

interface SlimHeadRow {
  readonly record_id: string;
  readonly seq: number;
  readonly version: string;
  readonly kind: number;
  readonly type: number;
  readonly source: number;
  readonly deleted: boolean;
  readonly cascaded: boolean;
  readonly digest_term: string;
  readonly from_id: string | null;
  readonly to_id: string | null;
}

/** Without detail, the columns of the version are null. */
type HeadRow = SlimHeadRow & (VersionRow | { readonly device_id: null });

interface SequenceRow {
  readonly household: number;
  readonly device_id: string;
  readonly sequence: number;
  readonly record_id: string;
  readonly version: string;
  readonly kind: number;
  readonly deleted: boolean;
  readonly content_hash: Buffer;
  readonly parents: string[];
  readonly effective_us: number;
  readonly outcome: number;
}

interface ClockRow {
  readonly household: number;
  readonly device_id: string;
  readonly highest_sequence: number;
  readonly newest_version: string;
  readonly newest_effective_us: number;
}

interface WayRow {
  readonly household: number;
  readonly type: number;
  readonly record_id: string;
  readonly from_id: string;
  readonly to_id: string;
}

const READ_HEADS: Statement = {
  name: "commit.read_heads",
  text: `select household, record_id, seq, version, kind, type, source, deleted, cascaded, digest_term::text, from_id, to_id,
    parents, body, body_removed, content_hash, stamps, author, healer, device_id, sequence, claimed_us, effective_us,
    committed_us, outcome, origin_channel, origin_client, origin_tool, origin_call
    from commit_read_heads($1::text[], $2::int2[], $3::uuid[], $4::bool[])`,
};

const READ_VERSIONS: Statement = {
  name: "commit.read_versions",
  text: `select household, device_id, sequence, record_id, version, kind, deleted, content_hash, parents, effective_us, outcome
    from commit_read_versions($1::text[], $2::int2[], $3::text[], $4::int8[], $5::bool, $6::int2[], $7::text[], $8::int8[])`,
};

/** A device without any version has no clock, though it may be registered. */
const READ_CLOCKS: Statement = {
  name: "commit.read_clocks",
  text: `select q.household, d.device_id, d.highest_sequence, d.newest_version, d.newest_effective_us
    from unnest($2::int2[], $3::text[]) as q (household, device)
    join devices d on d.household_id = ($1::text[])[q.household] and d.device_id = q.device
    where d.newest_version is not null`,
};

const READ_EDGES: Statement = {
  name: "commit.read_edges",
  text: `select household, entity_id, record_id, seq, version, kind, type, source, deleted, cascaded, digest_term::text,
    from_id, to_id from commit_read_edges($1::text[], $2::int2[], $3::uuid[], $4::bool[])`,
};

const READ_WAYS: Statement = {
  name: "commit.read_ways",
  text: `select household, type, record_id, from_id, to_id
    from commit_read_ways($1::text[], $2::int2[], $3::int2[], $4::uuid[])`,
};

function lowestByDevice(questions: readonly Question<SequenceKey>[]): Question<SequenceKey>[] {
  const lowest = new Map<string, Question<SequenceKey>>();
  for (const question of questions) {
    const key = `${question.household} ${question.item.device}`;
    const known = lowest.get(key);
    if (known === undefined || question.item.sequence < known.item.sequence) lowest.set(key, question);
  }
  return [...lowest.values()];
}

function gather<T>(askings: readonly Asking[], items: (asking: Asking) => Iterable<T>): Question<T>[] {
  return askings.flatMap((asking, index) => [...items(asking)].map((item) => ({ household: index + 1, item })));
}

function households(askings: readonly Asking[]): Buffer {
  return textArray(askings.map((asking) => asking.household));
}

function sheetOf(askings: readonly Asking[], household: number) {
  return must(askings[household - 1], "an answer is for one of those who asked").sheet;
}

function headFromRow(row: HeadRow): Head {
  return row.device_id === null ? slimHead(row) : { ...slimHead(row), detail: versionFromRow(row) };
}

function slimHead(row: SlimHeadRow): Head {
  const edge = row.kind !== ENTITY_KIND;
  return {
    record: row.record_id as RecordId,
    seq: row.seq,
    version: row.version as VersionId,
    kind: edge ? "relationship" : "entity",
    type: edge
      ? relationshipTypes.mustFromWire(row.type as WireRelationshipType)
      : entityTypes.mustFromWire(row.type as WireEntityType),
    source: sourceTypes.mustFromWire(row.source as WireSourceType),
    deleted: row.deleted,
    cascaded: row.cascaded,
    digestTerm: BigInt.asUintN(64, BigInt(row.digest_term)),
    from: (row.from_id ?? undefined) as RecordId | undefined,
    to: (row.to_id ?? undefined) as RecordId | undefined,
    detail: undefined,
  };
}
