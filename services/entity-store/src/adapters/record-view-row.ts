import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
  SourceType as WireSourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { nameOf } from "@funkygibbon/kernel/search-text";
import type { VersionId } from "@funkygibbon/kernel/version";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { AroundQuery, EntityView, Neighbour, RecordView, RelationshipView, Step } from "../domain/graph-reads.ts";

/** A record as every read of this room selects it. */
export interface RecordViewRow {
  readonly record_id: string;
  readonly type: number;
  readonly source: number;
  readonly from_id: string | null;
  readonly to_id: string | null;
  readonly sort_name: string;
  readonly version: string;
  readonly seq: number;
  readonly deleted: boolean;
  readonly body: string | null;
  readonly body_removed: boolean;
  readonly author: string;
  readonly committed_us: number;
  readonly created_us: number;
}

/** In the order in which {@link viewRow} takes them. */
const VIEW_COLUMNS = [
  "record_id",
  "type",
  "source",
  "from_id",
  "to_id",
  "version",
  "seq",
  "deleted",
  "body",
  "body_removed",
  "author",
  "committed_us",
  "created_us",
] as const satisfies readonly (keyof RecordViewRow)[];

/** The columns of a version `alias` in their order in a {@link NeighbourRow}. */
export function viewColumns(alias: string): string {
  return VIEW_COLUMNS.map((column) => `${alias}.${column}`).join(", ");
}

/** Whether the edge was followed backwards, the sort name of the node, the columns of the edge, those of the node. */
export type NeighbourRow = readonly [inverse: boolean, sortName: string, ...unknown[]];

const EDGE_COLUMNS = 2;
const NODE_COLUMNS = EDGE_COLUMNS + VIEW_COLUMNS.length;

export function neighbourOf(row: NeighbourRow): Neighbour {
  const [inverse, sortName] = row;
  return {
    relationship: relationshipViewOf(viewRow(row, EDGE_COLUMNS, "")),
    entity: entityViewOf(viewRow(row, NODE_COLUMNS, sortName)),
    inverse,
  };
}

/** Spelled out: put together key by key, it takes twenty times as long. */
function viewRow(columns: readonly unknown[], first: number, sortName: string): RecordViewRow {
  return {
    record_id: columns[first] as string,
    type: columns[first + 1] as number,
    source: columns[first + 2] as number,
    from_id: columns[first + 3] as string | null,
    to_id: columns[first + 4] as string | null,
    sort_name: sortName,
    version: columns[first + 5] as string,
    seq: columns[first + 6] as number,
    deleted: columns[first + 7] as boolean,
    body: columns[first + 8] as string | null,
    body_removed: columns[first + 9] as boolean,
    author: columns[first + 10] as string,
    committed_us: columns[first + 11] as number,
    created_us: columns[first + 12] as number,
  };
}

/** An edge that was followed. */
export interface StepRow {
  readonly start: string;
  readonly reached: string;
  readonly relationship: string;
  readonly inverse: boolean;
}

/** An edge that was followed, as the columns start, reached, relationship, type and inverse. */
export type EdgeRow = readonly [start: string, reached: string, relationship: string, type: number, inverse: boolean];

/** Each node that the edges reach once, by its edge of the least type and id. */
export function leastSteps(rows: readonly EdgeRow[], exclude: AroundQuery["exclude"]): Step[] {
  const least = new Map<string, EdgeRow>();
  for (const row of rows) {
    const [, reached, relationship, type] = row;
    if (exclude.has(reached as RecordId)) continue;
    const known = least.get(reached);
    const less = known === undefined || type < known[3] || (type === known[3] && relationship < known[2]);
    if (less) least.set(reached, row);
  }
  return Array.from(least.values(), ([start, reached, relationship, , inverse]) =>
    stepOf({ start, reached, relationship, inverse }),
  );
}

/** Names longer than this are cut in the tables, and read from the body where they are shown. */
const SORT_NAME_LENGTH = 256;

export function entityViewOf(row: RecordViewRow): EntityView {
  return {
    ...recordViewOf(row),
    kind: "entity",
    type: entityTypes.mustFromWire(row.type as WireEntityType),
    name: fullName(row),
    sortName: row.sort_name,
  };
}

export function relationshipViewOf(row: RecordViewRow): RelationshipView {
  return {
    ...recordViewOf(row),
    kind: "relationship",
    type: relationshipTypes.mustFromWire(row.type as WireRelationshipType),
    from: must(row.from_id, "an edge has a start") as RecordId,
    to: must(row.to_id, "an edge has an end") as RecordId,
  };
}

export function stepOf(row: StepRow): Step {
  return {
    start: row.start as RecordId,
    reached: row.reached as RecordId,
    relationship: row.relationship as RecordId,
    inverse: row.inverse,
  };
}

function recordViewOf(row: RecordViewRow): RecordView {
  return {
    id: row.record_id as RecordId,
    source: sourceTypes.mustFromWire(row.source as WireSourceType),
    bodyJson: row.body ?? "",
    version: row.version as VersionId,
    seq: row.seq,
    author: row.author as UserId,
    committedUs: row.committed_us,
    createdUs: row.created_us,
    deleted: row.deleted,
    bodyRemoved: row.body_removed,
  };
}

function fullName(row: RecordViewRow): string {
  if (row.body === null) return "";
  const { length } = row.sort_name;
  // Most names are whole in the tables, so that reading a list does not parse its bodies. Long ones are cut there, and
  // U+0000 is left out, which no text of PostgreSQL can hold.
  const whole = length > 0 && length < SORT_NAME_LENGTH && !row.body.includes("\\u0000");
  return whole ? row.sort_name : nameOf(JSON.parse(row.body));
}
