import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { wordsOf } from "@funkygibbon/kernel/search-text";
import { int2Array, int8Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { EMPTY_SEARCH_ROW, type SearchRow, searchRow } from "../domain/search-row.ts";
import { ENTITY_KIND } from "./version-row.ts";

/** What one step of the projection did. */
export interface ProjectionStep {
  /** Heads that were read; 0: nothing to do, or another replica is at it. */
  readonly heads: number;
  /** Whether the index has reached the head of the log. */
  readonly caughtUp: boolean;
  /** Records whose body defeated the projection: they are in the index without words. */
  readonly failed: readonly RecordId[];
}

interface HeadRow {
  readonly record_id: string;
  readonly seq: number;
  readonly kind: number;
  readonly type: number;
  readonly deleted: boolean;
  readonly body: string | null;
}

/** Takes one step of bringing a household's search index up to its log. */
export type Projection = (household: HouseholdId, signal: AbortSignal) => Promise<ProjectionStep>;

/** Heads in one step, hence in one transaction. */
const HEADS_PER_STEP = 100;

/** The projection on PostgreSQL. `project` makes a row of a body, and is replaced in tests only. */
export function postgresProjection(
  database: Database,
  project: (body: JsonObject) => SearchRow = searchRow,
): Projection {
  const step = (household: HouseholdId, signal: AbortSignal, limit: number) =>
    database.inTransaction({ households: [household], signal }, (tx) => projectStep(tx, { household, project, limit }));
  return async (household, signal) => {
    try {
      return await step(household, signal, HEADS_PER_STEP);
    } catch (error) {
      if (signal.aborted) throw error;
      return projectAlone(database, { household, signal, project, cause: error });
    }
  };
}

interface StepOptions {
  readonly household: HouseholdId;
  readonly project: (body: JsonObject) => SearchRow;
  readonly limit: number;
}

async function projectStep(tx: Transaction, { household, project, limit }: StepOptions): Promise<ProjectionStep> {
  const [, [position]] = await Promise.all([
    tx.execute(CREATE_POSITION, [household]),
    tx.query<{ projected_seq: number; head_seq: number }>(CLAIM, [household]),
  ]);
  if (position === undefined) return { heads: 0, caughtUp: true, failed: [] };
  const rows = await tx.query<HeadRow>(READ_HEADS, [household, position.projected_seq, limit]);
  const caughtUp = rows.length < limit;
  const failed: RecordId[] = [];
  const live = rows.filter((row) => row.kind === ENTITY_KIND && !row.deleted);
  const made = live.map((row) => {
    try {
      return project(row.body === null ? {} : JSON.parse(row.body));
    } catch {
      failed.push(row.record_id as RecordId);
      return EMPTY_SEARCH_ROW;
    }
  });
  const gone = rows.filter((row) => row.kind === ENTITY_KIND && row.deleted).map((row) => row.record_id);
  const [replaced] = await Promise.all([
    readNames(tx, household, [...live.map((row) => row.record_id), ...gone]),
    live.length > 0 && writeRows(tx, household, live, made),
    live.length > 0 && writeWords(tx, household, made),
    gone.length > 0 && tx.execute(DELETE_ROWS, [household, uuidArray(gone)]),
  ]);
  await forgetWords(tx, replaced, made);
  // The newest version need not be a head. What was committed since the position was read has a seq above it.
  const reached = Math.max(rows.at(-1)?.seq ?? 0, caughtUp ? position.head_seq : 0);
  if (reached > position.projected_seq) await tx.execute(MOVE_POSITION, [household, reached]);
  return { heads: rows.length, caughtUp, failed };
}

/** What names are looked up by. Lexemes of the name alone begin with a sign that no word has. */
export const NAME_SIGN = "=";

function writeRows(tx: Transaction, household: HouseholdId, heads: readonly HeadRow[], rows: readonly SearchRow[]) {
  return tx.execute(WRITE_ROWS, [
    household,
    uuidArray(heads.map((head) => head.record_id)),
    int8Array(heads.map((head) => head.seq)),
    int2Array(heads.map((head) => head.type)),
    textArray(rows.map((row) => row.name)),
    // Arrays of arrays must be rectangular, so each row's words and facts come as one text; neither holds a line feed.
    textArray(rows.map((row) => [...row.words, ...row.nameWords.map((word) => NAME_SIGN + word)].join("\n"))),
    textArray(rows.map((row) => row.facts.join("\n"))),
  ]);
}

function writeWords(tx: Transaction, household: HouseholdId, rows: readonly SearchRow[]) {
  const words = new Set(rows.flatMap((row) => row.nameWords));
  return tx.execute(WRITE_WORDS, [household, textArray([...words])]);
}

/** The names that the index has of these entities before the step. */
async function readNames(tx: Transaction, household: HouseholdId, records: readonly string[]): Promise<string[]> {
  if (records.length === 0) return [];
  const rows = await tx.query<{ name: string }>(READ_NAMES, [household, uuidArray(records)]);
  return rows.map((row) => row.name);
}

/** Names that went have perhaps taken the last use of a word along. */
async function forgetWords(tx: Transaction, replaced: readonly string[], made: readonly SearchRow[]): Promise<void> {
  const kept = new Set(made.flatMap((row) => row.nameWords));
  const words = new Set(replaced.flatMap(wordsOf)).difference(kept);
  if (words.size > 0) await tx.query(FORGET_WORDS, [textArray([...words])]);
}

/** A step failed as a whole: the same heads one at a time, the one that fails again without its words. */
async function projectAlone(
  database: Database,
  {
    household,
    signal,
    project,
    cause,
  }: Omit<StepOptions, "limit"> & { readonly signal: AbortSignal; readonly cause: unknown },
): Promise<ProjectionStep> {
  const alone = (projectBody: (body: JsonObject) => SearchRow) =>
    database.inTransaction({ households: [household], signal }, (tx) =>
      projectStep(tx, { household, project: projectBody, limit: 1 }),
    );
  try {
    return { ...(await alone(project)), caughtUp: false };
  } catch (error) {
    if (signal.aborted || !isOurFault(error)) throw cause;
    const step = await alone(() => {
      throw new Error("this body has defeated the projection");
    });
    return { ...step, caughtUp: false };
  }
}

/** A database that is away or busy will take the body later; one that refuses the statement never will. */
function isOurFault(error: unknown): boolean {
  return error instanceof Error && "kind" in error && error.kind === "internal";
}

const CLAIM: Statement = {
  name: "search_projection.claim",
  text: `
  select p.projected_seq, coalesce((select h.head_seq from households h where h.household_id = $1), 0) as head_seq
  from search_positions p where p.household_id = $1 for update of p skip locked`,
};

const CREATE_POSITION: Statement = {
  name: "search_projection.create_position",
  text: "insert into search_positions (household_id) values ($1) on conflict do nothing",
};

const READ_HEADS: Statement = {
  name: "search_projection.read_heads",
  text: `
  select h.record_id, h.seq, h.kind, h.type, h.deleted, v.body
  from (
    select h.* from heads h where h.household_id = $1 and h.seq > $2::bigint order by h.seq limit $3::bigint
  ) h
  cross join lateral (select v.body from record_versions v
    where v.household_id = h.household_id and v.seq = h.seq limit 1) v
  order by h.seq`,
};

const WRITE_ROWS: Statement = {
  name: "search_projection.write_rows",
  text: `
  insert into search (household_id, record_id, seq, type, name, words, facts)
  select $1, r.record_id, r.seq, r.type, r.name,
    array_to_tsvector(string_to_array(r.words, E'\\n')), string_to_array(r.facts, E'\\n')
  from unnest($2::uuid[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::text[])
    r (record_id, seq, type, name, words, facts)
  on conflict (household_id, record_id) do update set
    seq = excluded.seq, type = excluded.type, name = excluded.name, words = excluded.words, facts = excluded.facts`,
};

const WRITE_WORDS: Statement = {
  name: "search_projection.write_words",
  text: "insert into search_words (household_id, word) select $1, unnest($2::text[]) on conflict do nothing",
};

const READ_NAMES: Statement = {
  name: "search_projection.read_names",
  text: "select distinct name from search where household_id = $1 and record_id = any ($2::uuid[])",
};

const FORGET_WORDS: Statement = {
  name: "search_projection.forget_words",
  text: "select forget_words($1::text[])",
};

const DELETE_ROWS: Statement = {
  name: "search_projection.delete_rows",
  text: "delete from search where household_id = $1 and record_id = any ($2::uuid[])",
};

const MOVE_POSITION: Statement = {
  name: "search_projection.move_position",
  text: "update search_positions set projected_seq = $2::bigint where household_id = $1",
};
