/** A version as reads show it; entities bear their names in their bodies. */
export const VERSION_VIEW = `v.record_id, v.type, v.source, v.from_id, v.to_id, '' as sort_name, v.version, v.seq, v.deleted,
    v.body, v.body_removed, v.author, v.committed_us, v.created_us`;

/** Whether a name contains the text $4, whatever the case. Names are sorted by their bytes, and have the letters of all languages. */
export function nameContains(name: string): string {
  return `($4::text = '' or strpos(lower(${name} collate "default"), lower($4::text)) > 0)`;
}

/** Looked up in a hash table of the ids: IS TRUE keeps it from becoming a join, which could be a loop over all pairs. */
export function isAmong(id: string, ids: string): string {
  return `(${id} in (select w.id from unnest(${ids}::uuid[]) w (id))) is true`;
}

/** Those of the steps that reach a goal, or all of them where none does. */
export function withGoals(steps: string, goals: string): string {
  return `
  with s as materialized (${steps}
  ), reaching as materialized (select * from s where ${isAmong("s.reached", goals)})
  select start, reached, relationship, type, inverse from reaching
  union all
  select start, reached, relationship, type, inverse from s where not exists (select from reaching)`;
}

/**
 * What is in $2, through edges of the types $3 that `into` finds by their end `i.id`. A node is followed once for each of
 * its distances; the last parameter ends a walk along a cycle, which containment has none of.
 */
export function contained(into: string, maxDistance: string): string {
  return `
  with recursive inside (id, distance) as (
    select $2::uuid, 0
    union
    select e.from_id, i.distance + 1 from inside i cross join lateral (${into}) e where i.distance < ${maxDistance}::int
  )
  select id, min(distance) as distance from inside where distance > 0 and id <> $2 group by id`;
}

/** Whether a step `s` to a node of this name comes after the position whose four parameters begin at `$first`; after none: always. */
export function afterNeighbour(name: string, first: number): string {
  const [type, sortName, reached, relationship] = [0, 1, 2, 3].map((index) => `$${first + index}`);
  return `(${relationship}::uuid is null or (s.type, ${name}, s.reached, s.relationship)
    > (${type}::smallint, ${sortName}::text, ${reached}::uuid, ${relationship}::uuid))`;
}
