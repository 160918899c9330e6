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
  startOfTypes,
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

/** A household's graph as its heads have it. */
export class GraphNow implements GraphSnapshot {
  readonly #tx: Transaction;
  readonly #household: HouseholdId;

  constructor(tx: Transaction, household: HouseholdId) {
    this.#tx = tx;
    this.#household = household;
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
    const after = startOfTypes(query);
    const common = [this.#household, after.types, sourceNumbers(query), query.nameContains, query.limit];
    const rows =
      query.among === undefined
        ? await this.#tx.query<RecordViewRow>(LIST_ENTITIES, [...common, after.names, after.ids])
        : await this.#tx.query<RecordViewRow>(LIST_ENTITIES_AMONG, [
            ...common,
            after.names,
            after.ids,
            uuidArray(query.among),
          ]);
    return rows.map(entityViewOf);
  }

  async countEntities(query: EntityListQuery): Promise<number> {
    const common = [this.#household, entityNumbers(query.types), sourceNumbers(query), query.nameContains];
    const rows =
      query.among === undefined
        ? await this.#tx.query<{ total: number }>(COUNT_ENTITIES, common)
        : await this.#tx.query<{ total: number }>(COUNT_ENTITIES_AMONG, [...common, uuidArray(query.among)]);
    return rows[0]?.total ?? 0;
  }

  async listRelationships(query: RelationshipListQuery): Promise<readonly RelationshipView[]> {
    const { after } = query;
    const rows = await this.#tx.query<RecordViewRow>(LIST_RELATIONSHIPS[indexOf(query)], [
      ...relationshipFilter(this.#household, query),
      after === undefined ? null : relationshipTypes.toWire(after.type),
      after?.id ?? null,
      query.limit,
    ]);
    return rows.map(relationshipViewOf);
  }

  async countRelationships(query: RelationshipListQuery): Promise<number> {
    const filter = relationshipFilter(this.#household, query);
    const rows = await this.#tx.query<{ total: number }>(COUNT_RELATIONSHIPS[indexOf(query)], filter);
    return rows[0]?.total ?? 0;
  }

  async neighbours(query: NeighbourQuery): Promise<readonly Neighbour[]> {
    const rows = await this.#tx.query<NeighbourRow>(NEIGHBOURS, [
      this.#household,
      uuidArray([query.entity]),
      ...directionFlags(query.direction),
      relationshipNumbers(query.types),
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
      uuidArray(query.exclude),
      limitOf(query),
    ]);
    return rows.map(stepOf);
  }

  async contained({ entity, types, maxDistance }: ContainedQuery): Promise<readonly Contained[]> {
    const values = [this.#household, entity, relationshipNumbers(types), maxDistance];
    return this.#tx.query<Contained>(CONTAINED, values);
  }

  async edgesAmong(ids: readonly RecordId[]): Promise<readonly RelationshipView[]> {
    const rows = await this.#tx.query<RecordViewRow>(EDGES_AMONG, [this.#household, uuidArray(ids)]);
    return rows.map(relationshipViewOf);
  }

  #records(ids: readonly RecordId[], kind: number): Promise<RecordViewRow[]> {
    return this.#tx.query<RecordViewRow>(RECORDS, [this.#household, uuidArray(ids), kind]);
  }
}

/** The versions of some heads. Two index scans that go through their keys in order, in place of one lookup after another. */
function versionsOf(heads: string): string {
  return `
  select ${VERSION_VIEW}
  from record_versions v
  where v.household_id = $1 and v.seq = any (array(${heads}))`;
}

/**
 * A head of a list together with its version, `h` and `v`. OFFSET 0 keeps a subselect from being merged into the rest,
 * which leaves only the index lookup by its outer row: a plan that was made while tables were empty cannot become a join
 * over the whole household.
 */
const VIEW = `h.record_id, h.type, h.source, h.from_id, h.to_id, h.name as sort_name, h.version, h.seq, h.deleted,
    v.body, v.body_removed, v.author, v.committed_us, v.created_us`;
const JOIN_VERSION = `
  cross join lateral (select * from record_versions v
    where v.household_id = h.household_id and v.seq = h.seq offset 0) v`;

const RECORDS: Statement = {
  name: "graph_now.records",
  text: versionsOf(`select h.seq from heads h
    where h.household_id = $1 and h.record_id = any ($2::uuid[]) and h.kind = $3::smallint`),
};

// Each type is read in the order of its index, so a page costs a page, whatever the size of the household.
const LIST_ENTITIES: Statement = {
  name: "graph_now.list_entities",
  text: `
  select ${VIEW}
  from (
    select h.* from unnest($2::smallint[], $6::text[], $7::uuid[]) t (type, after_name, after_id)
    cross join lateral (
      select h.* from heads h
      where h.household_id = $1 and h.kind = 1 and not h.deleted and h.type = t.type and h.name >= t.after_name
        and (t.after_id is null or (h.name, h.record_id) > (t.after_name, t.after_id))
        and h.source = any ($3::smallint[]) and ${nameContains("h.name")}
      order by h.name, h.record_id limit $5::bigint
    ) h
    order by h.type, h.name, h.record_id limit $5::bigint
  ) h
  ${JOIN_VERSION}
  order by h.type, h.name, h.record_id`,
};

const LIST_ENTITIES_AMONG: Statement = {
  name: "graph_now.list_entities_among",
  text: `
  select ${VIEW}
  from (
    select h.* from (select distinct id from unnest($8::uuid[]) w (id)) w
    cross join lateral (select * from heads h
      where h.household_id = $1 and h.record_id = w.id and h.kind = 1 and not h.deleted offset 0) h
    join unnest($2::smallint[], $6::text[], $7::uuid[]) t (type, after_name, after_id) on t.type = h.type
    where (t.after_id is null or (h.name, h.record_id) > (t.after_name, t.after_id))
      and h.source = any ($3::smallint[]) and ${nameContains("h.name")}
    order by h.type, h.name, h.record_id limit $5::bigint
  ) h
  ${JOIN_VERSION}
  order by h.type, h.name, h.record_id`,
};

const COUNT_ENTITIES: Statement = {
  name: "graph_now.count_entities",
  text: `
  select count(*) as total from heads h
  where h.household_id = $1 and h.kind = 1 and not h.deleted and h.type = any ($2::smallint[])
    and h.source = any ($3::smallint[]) and ${nameContains("h.name")}`,
};

const COUNT_ENTITIES_AMONG: Statement = {
  name: "graph_now.count_entities_among",
  text: `
  select count(*) as total from (select distinct id from unnest($5::uuid[]) w (id)) w
  cross join lateral (select * from heads h
    where h.household_id = $1 and h.record_id = w.id and h.kind = 1 and not h.deleted offset 0) h
  where h.type = any ($2::smallint[])
    and h.source = any ($3::smallint[]) and ${nameContains("h.name")}`,
};

const EDGES_OF: Record<RelationshipIndex, string> = {
  all: "",
  from: "and h.from_id = $3::uuid",
  to: "and h.to_id = $4::uuid",
  either: "and (h.from_id = $5::uuid or h.to_id = $5::uuid)",
};

// The lookup comes first; what is left of the three ends filters the few rows that it finds.
function liveEdges(index: RelationshipIndex): string {
  return `from heads h
    where h.household_id = $1 and h.kind = 2 and not h.deleted and h.type = any ($2::smallint[]) ${EDGES_OF[index]}
      and ($3::uuid is null or h.from_id = $3) and ($4::uuid is null or h.to_id = $4)
      and ($5::uuid is null or h.from_id = $5 or h.to_id = $5)`;
}

function listRelationships(index: RelationshipIndex): Statement {
  return {
    name: `graph_now.list_relationships_${index}`,
    text: `
    select ${VIEW}
    from (
      select h.* ${liveEdges(index)} and ($7::uuid is null or (h.type, h.record_id) > ($6::smallint, $7::uuid))
      order by h.type, h.record_id limit $8::bigint
    ) h
    ${JOIN_VERSION}
    order by h.type, h.record_id`,
  };
}

function countRelationships(index: RelationshipIndex): Statement {
  return { name: `graph_now.count_relationships_${index}`, text: `select count(*) as total ${liveEdges(index)}` };
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

/** The live edges at $2, out of them when $3, into them when $4, of the types $5; an edge from a node to itself once. */
const STEPS = `
  select e.from_id as start, e.to_id as reached, e.record_id as relationship, e.type, false as inverse, e.seq
  from heads e
  where $3::boolean and e.household_id = $1 and e.from_id = any ($2::uuid[]) and e.type = any ($5::smallint[])
    and e.kind = 2 and not e.deleted
  union all
  select e.to_id, e.from_id, e.record_id, e.type, true, e.seq from heads e
  where $4::boolean and e.household_id = $1 and e.to_id = any ($2::uuid[]) and e.type = any ($5::smallint[])
    and e.kind = 2 and not e.deleted and (not $3::boolean or e.from_id <> e.to_id)`;

const AROUND: Statement = {
  name: "graph_now.around",
  rowMode: "array",
  text: withGoals(STEPS, "$6"),
};

const NEIGHBOURS: Statement = {
  name: "graph_now.neighbours",
  rowMode: "array",
  text: `
  select s.inverse, s.name, ${viewColumns("e")}, ${viewColumns("v")}
  from (
    select s.*, n.name, n.seq as node_seq
    from (${STEPS}) s
    cross join lateral (select n.name, n.seq from heads n
      where n.household_id = $1 and n.record_id = s.reached and n.kind = 1 and not n.deleted
        and n.type = any ($6::smallint[]) offset 0) n
    where ${afterNeighbour("n.name", 8)}
    order by s.type, n.name, s.reached, s.relationship limit $7::bigint
  ) s
  cross join lateral (select * from record_versions v where v.household_id = $1 and v.seq = s.seq offset 0) e
  cross join lateral (select * from record_versions v where v.household_id = $1 and v.seq = s.node_seq offset 0) v
  order by s.type, s.name, s.reached, s.relationship`,
};

const EXPAND: Statement = {
  name: "graph_now.expand",
  text: `
  select d.start, d.reached, d.relationship, d.inverse
  from (
    select distinct on (s.reached) s.*
    from (${STEPS}) s
    where not exists (select from unnest($6::uuid[]) x (id) where x.id = s.reached)
    order by s.reached, s.type, s.relationship
  ) d
  cross join lateral (select n.name from heads n
    where n.household_id = $1 and n.record_id = d.reached and n.kind = 1 and not n.deleted offset 0) n
  order by n.name, d.reached limit $7::bigint`,
};

const CONTAINED: Statement = {
  name: "graph_now.contained",
  text: contained(
    `select h.from_id from heads h
      where h.household_id = $1 and h.to_id = i.id and h.type = any ($3::smallint[]) and h.kind = 2 and not h.deleted offset 0`,
    "$4",
  ),
};

const EDGES_AMONG: Statement = {
  name: "graph_now.edges_among",
  text: `${versionsOf(`select h.seq from heads h
    where h.household_id = $1 and h.from_id = any ($2::uuid[]) and h.kind = 2 and not h.deleted
      and ${isAmong("h.to_id", "$2")}`)}
  order by v.type, v.record_id`,
};
