import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { uuidArray } from "@funkygibbon/postgres/binary-array";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import type {
  AroundQuery,
  Contained,
  ContainedQuery,
  EntityListQuery,
  EntityView,
  ExpandQuery,
  GraphSnapshot,
  Neighbour,
  NeighbourQuery,
  RelationshipListQuery,
  RelationshipView,
  Step,
} from "../domain/graph-reads.ts";
import { afterNeighbour, contained, isAmong, nameContains, VERSION_VIEW, withGoals } from "./graph-fragments.ts";
import {
  directionFlags,
  entityNumbers,
  indexOf,
  limitOf,
  neighbourPosition,
  type RelationshipIndex,
  relationshipFilter,
  relationshipNumbers,
  sourceNumbers,
} from "./graph-parameters.ts";
import {
  type EdgeRow,
  entityViewOf,
  leastSteps,
  type NeighbourRow,
  neighbourOf,
  type RecordViewRow,
  relationshipViewOf,
  type StepRow,
  stepOf,
  viewColumns,
} from "./record-view-row.ts";
import { ENTITY_KIND, RELATIONSHIP_KIND } from "./version-row.ts";

/** A household's graph as its log had it when everything up to one seq was committed. */
export class GraphAsOf implements GraphSnapshot {
  readonly #tx: Transaction;
  readonly #household: HouseholdId;
  readonly #seq: number;

  constructor(tx: Transaction, household: HouseholdId, seq: number) {
    this.#tx = tx;
    this.#household = household;
    this.#seq = seq;
  }

  async entities(ids: readonly RecordId[]): Promise<ReadonlyMap<RecordId, EntityView>> {
    const rows = await this.#records(ids, ENTITY_KIND);
    return new Map(rows.map((row) => [row.record_id as RecordId, entityViewOf(row)]));
  }

  async relationships(ids: readonly RecordId[]): Promise<ReadonlyMap<RecordId, RelationshipView>> {
    const rows = await this.#records(ids, RELATIONSHIP_KIND);
    return new Map(rows.map((row) => [row.record_id as RecordId, relationshipViewOf(row)]));
  }

  async listEntities(query: EntityListQuery): Promise<readonly EntityView[]> {
    const rows = await this.#tx.query<RecordViewRow>(LIST_ENTITIES, this.#listValues(query));
    return rows.map(entityViewOf);
  }

  async countEntities(query: EntityListQuery): Promise<number> {
    const values = this.#listValues({ ...query, after: undefined }).slice(0, 6);
    const rows = await this.#tx.query<{ total: number }>(COUNT_ENTITIES, values);
    return rows[0]?.total ?? 0;
  }

  async listRelationships(query: RelationshipListQuery): Promise<readonly RelationshipView[]> {
    const { after } = query;
    const rows = await this.#tx.query<RecordViewRow>(LIST_RELATIONSHIPS[indexOf(query)], [
      ...relationshipFilter(this.#household, query),
      this.#seq,
      after === undefined ? null : relationshipTypes.toWire(after.type),
      after?.id ?? null,
      query.limit,
    ]);
    return rows.map(relationshipViewOf);
  }

  async countRelationships(query: RelationshipListQuery): Promise<number> {
    const filter = [...relationshipFilter(this.#household, query), this.#seq];
    const rows = await this.#tx.query<{ total: number }>(COUNT_RELATIONSHIPS[indexOf(query)], filter);
    return rows[0]?.total ?? 0;
  }

  async neighbours(query: NeighbourQuery): Promise<readonly Neighbour[]> {
    const rows = await this.#tx.query<NeighbourRow>(NEIGHBOURS, [
      this.#household,
      uuidArray([query.entity]),
      ...directionFlags(query.direction),
      relationshipNumbers(query.types),
      this.#seq,
      entityNumbers(query.entityTypes),
      query.limit,
      ...neighbourPosition(query),
    ]);
    return rows.map(neighbourOf);
  }

  async around(query: AroundQuery): Promise<readonly Step[]> {
    const rows = await this.#tx.query<EdgeRow>(AROUND, [
      this.#household,
      uuidArray(query.frontier),
      ...directionFlags(query.direction),
      relationshipNumbers(query.types),
      this.#seq,
      uuidArray(query.goals),
    ]);
    return leastSteps(rows, query.exclude);
  }

  async expand(query: ExpandQuery): Promise<readonly Step[]> {
    const rows = await this.#tx.query<StepRow>(EXPAND, [
      this.#household,
      uuidArray(query.frontier),
      ...directionFlags(query.direction),
      relationshipNumbers(query.types),
      this.#seq,
      uuidArray(query.exclude),
      limitOf(query),
    ]);
    return rows.map(stepOf);
  }

  async contained({ entity, types, maxDistance }: ContainedQuery): Promise<readonly Contained[]> {
    const values = [this.#household, entity, relationshipNumbers(types), this.#seq, maxDistance];
    return this.#tx.query<Contained>(CONTAINED, values);
  }

  async edgesAmong(ids: readonly RecordId[]): Promise<readonly RelationshipView[]> {
    const rows = await this.#tx.query<RecordViewRow>(EDGES_AMONG, [this.#household, uuidArray(ids), this.#seq]);
    return rows.map(relationshipViewOf);
  }

  #records(ids: readonly RecordId[], kind: number): Promise<RecordViewRow[]> {
    return this.#tx.query<RecordViewRow>(RECORDS, [this.#household, uuidArray(ids), kind, this.#seq]);
  }

  #listValues({ types, sources, nameContains, among, after, limit }: EntityListQuery): unknown[] {
    const position = after === undefined ? [null, null, null] : [entityNumbers([after.type]), after.sortName, after.id];
    return [
      this.#household,
      entityNumbers(types),
      sourceNumbers({ sources }),
      nameContains,
      this.#seq,
      among === undefined ? null : uuidArray(among),
      ...position,
      limit,
    ];
  }
}

// The version of a record that counted at a seq: the last accepted one. APPLIED and MERGED are the outcomes with which
// a version becomes head, or comes just before the one that does in the same commit.
const ACCEPTED = "(1, 2)";

function versionAt(seq: string, record: string): string {
  return `select v.* from record_versions v where v.household_id = $1 and v.record_id = ${record} and v.seq <= ${seq}::bigint
    and v.outcome in ${ACCEPTED} order by v.seq desc limit 1`;
}

/** The name of `v`: as the heads have it where `h`, its head, is the same version; else from its body. */
const NAME = "case when h.seq = v.seq then h.name else coalesce(body_name(v.body), '') end";

const RECORDS: Statement = {
  name: "graph_as_of.records",
  text: `
  select ${VERSION_VIEW}
  from unnest($2::uuid[]) w (id) cross join lateral (${versionAt("$4", "w.id")}) v
  where v.kind = $3::smallint`,
};

// Every record that ever counted has a head, and an entity's type never changes: heads say which versions to look for.
const ENTITIES_THEN = `
  select v.*, ${NAME} as sort_name
  from heads h cross join lateral (${versionAt("$5", "h.record_id")}) v
  where h.household_id = $1 and h.kind = 1 and h.type = any ($2::smallint[]) and not v.deleted
    and ($6::uuid[] is null or exists (select from unnest($6::uuid[]) w (id) where w.id = h.record_id))`;
const MATCHING = `v.source = any ($3::smallint[]) and ${nameContains("v.sort_name")}`;

const LIST_ENTITIES: Statement = {
  name: "graph_as_of.list_entities",
  text: `
  select v.record_id, v.type, v.source, v.from_id, v.to_id, v.sort_name, v.version, v.seq, v.deleted, v.body,
    v.body_removed, v.author, v.committed_us, v.created_us
  from (
    select * from (${ENTITIES_THEN}) v
    where ${MATCHING}
      and ($9::uuid is null or (v.type, v.sort_name, v.record_id) > (($7::smallint[])[1], $8::text, $9::uuid))
    order by v.type, v.sort_name, v.record_id limit $10::bigint
  ) v
  order by v.type, v.sort_name, v.record_id`,
};

const COUNT_ENTITIES: Statement = {
  name: "graph_as_of.count_entities",
  text: `select count(*) as total from (${ENTITIES_THEN}) v where ${MATCHING}`,
};

/** Edge versions found by one of their ends count only while no later version of the edge has replaced them. */
const STILL_COUNTS = (seq: string) => `(select l.seq from record_versions l where l.household_id = $1
      and l.record_id = v.record_id and l.seq > v.seq and l.seq <= ${seq}::bigint and l.outcome in ${ACCEPTED} limit 1) is null`;

function edgesThen(index: RelationshipIndex): string {
  const byEnd = (end: string, value: string) => `select v.* from record_versions v
    where v.household_id = $1 and v.${end} = ${value}::uuid and v.seq <= $6::bigint and v.outcome in ${ACCEPTED}
      and ${STILL_COUNTS("$6")}`;
  const found: Record<RelationshipIndex, string> = {
    all: `select v.* from heads h cross join lateral (${versionAt("$6", "h.record_id")}) v
      where h.household_id = $1 and h.kind = 2`,
    from: byEnd("from_id", "$3"),
    to: byEnd("to_id", "$4"),
    either: `${byEnd("from_id", "$5")} union all ${byEnd("to_id", "$5")} and v.from_id <> v.to_id`,
  };
  return `from (${found[index]}) v
    where not v.deleted and v.type = any ($2::smallint[]) and ($3::uuid is null or v.from_id = $3)
      and ($4::uuid is null or v.to_id = $4) and ($5::uuid is null or v.from_id = $5 or v.to_id = $5)`;
}

function listRelationships(index: RelationshipIndex): Statement {
  return {
    name: `graph_as_of.list_relationships_${index}`,
    text: `
    select ${VERSION_VIEW}
    from (
      select v.* ${edgesThen(index)} and ($8::uuid is null or (v.type, v.record_id) > ($7::smallint, $8::uuid))
      order by v.type, v.record_id limit $9::bigint
    ) v
    order by v.type, v.record_id`,
  };
}

function countRelationships(index: RelationshipIndex): Statement {
  return { name: `graph_as_of.count_relationships_${index}`, text: `select count(*) as total ${edgesThen(index)}` };
}

const LIST_RELATIONSHIPS: Record<RelationshipIndex, Statement> = {
  all: listRelationships("all"),
  from: listRelationships("from"),
  to: listRelationships("to"),
  either: listRelationships("either"),
};

const COUNT_RELATIONSHIPS: Record<RelationshipIndex, Statement> = {
  all: countRelationships("all"),
  from: countRelationships("from"),
  to: countRelationships("to"),
  either: countRelationships("either"),
};

/** As in the graph of now, with the versions of seq $6. */
const STEPS = `
  select f.id as start, v.to_id as reached, v.record_id as relationship, v.type, false as inverse, v.seq
  from unnest($2::uuid[]) f (id) cross join lateral (select * from record_versions v
    where $3::boolean and v.household_id = $1 and v.from_id = f.id and v.type = any ($5::smallint[])
      and v.seq <= $6::bigint and not v.deleted and v.outcome in ${ACCEPTED} and ${STILL_COUNTS("$6")} offset 0) v
  union all
  select f.id, v.from_id, v.record_id, v.type, true, v.seq
  from unnest($2::uuid[]) f (id) cross join lateral (select * from record_versions v
    where $4::boolean and v.household_id = $1 and v.to_id = f.id and v.type = any ($5::smallint[])
      and v.seq <= $6::bigint and not v.deleted and v.outcome in ${ACCEPTED}
      and (not $3::boolean or v.from_id <> v.to_id) and ${STILL_COUNTS("$6")} offset 0) v`;

/** The live node that a step reached, as it was then. Its head tells, unless it has changed since. */
const REACHED = `
  cross join lateral (select * from heads h
    where h.household_id = $1 and h.record_id = s.reached and h.kind = 1 offset 0) h
  left join lateral (select * from record_versions v
    where h.seq > $6::bigint and v.household_id = $1 and v.record_id = s.reached and v.seq <= $6::bigint
      and v.outcome in ${ACCEPTED} order by v.seq desc limit 1) v on true
  where case when h.seq <= $6::bigint then not h.deleted else not v.deleted end`;
const REACHED_NAME = "case when h.seq <= $6::bigint then h.name else coalesce(body_name(v.body), '') end";

const AROUND: Statement = {
  name: "graph_as_of.around",
  rowMode: "array",
  text: withGoals(STEPS, "$7"),
};

const NEIGHBOURS: Statement = {
  name: "graph_as_of.neighbours",
  rowMode: "array",
  text: `
  select s.inverse, s.name, ${viewColumns("e")}, ${viewColumns("v")}
  from (
    select s.*, ${REACHED_NAME} as name
    from (${STEPS}) s ${REACHED} and h.type = any ($7::smallint[]) and ${afterNeighbour(REACHED_NAME, 9)}
    order by s.type, name, s.reached, s.relationship limit $8::bigint
  ) s
  cross join lateral (select * from record_versions v where v.household_id = $1 and v.seq = s.seq offset 0) e
  cross join lateral (${versionAt("$6", "s.reached")}) v
  order by s.type, s.name, s.reached, s.relationship`,
};

const EXPAND: Statement = {
  name: "graph_as_of.expand",
  text: `
  select s.start, s.reached, s.relationship, s.inverse
  from (
    select distinct on (s.reached) s.*
    from (${STEPS}) s
    where not exists (select from unnest($7::uuid[]) x (id) where x.id = s.reached)
    order by s.reached, s.type, s.relationship
  ) s ${REACHED}
  order by ${REACHED_NAME}, s.reached limit $8::bigint`,
};

const CONTAINED: Statement = {
  name: "graph_as_of.contained",
  text: contained(
    `select v.from_id from record_versions v
      where v.household_id = $1 and v.to_id = i.id and v.type = any ($3::smallint[]) and v.seq <= $4::bigint
        and not v.deleted and v.outcome in ${ACCEPTED} and ${STILL_COUNTS("$4")} offset 0`,
    "$5",
  ),
};

// Which versions still count is asked for all of them at once: one scan of their keys in order takes half as long as a
// lookup for each.
const EDGES_AMONG: Statement = {
  name: "graph_as_of.edges_among",
  text: `
  with found as materialized (
    select v.* from record_versions v
    where v.household_id = $1 and v.from_id = any ($2::uuid[]) and v.seq <= $3::bigint
      and ${isAmong("v.to_id", "$2")} and v.outcome in ${ACCEPTED}
  ), newest as materialized (
    select l.record_id, max(l.seq) as seq from record_versions l
    where l.household_id = $1 and l.record_id = any (array(select record_id from found)) and l.seq <= $3::bigint
      and l.outcome in ${ACCEPTED}
    group by l.record_id
  )
  select ${VERSION_VIEW}
  from found v
  where not v.deleted and (v.record_id, v.seq) in (select record_id, seq from newest)
  order by v.type, v.record_id`,
};
