/**
 * When the record came to be: with its first accepted version. That one alone has no parents, so mostly there is no need
 * to look for it.
 */
export const CREATED_US = `case when v.parents = '{}' then v.committed_us else (
      select f.committed_us from record_versions f
      where f.household_id = v.household_id and f.record_id = v.record_id and f.outcome in (1, 2)
      order by f.seq limit 1
    ) end as created_us`;

/** A version as reads show it; entities bear their names in their bodies. */
export const VERSION_VIEW = `v.record_id, v.type, v.source, v.from_id, v.to_id, '' as sort_name, v.version, v.seq, v.deleted,
    v.body, v.body_removed, v.author, v.committed_us, ${CREATED_US}`;

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
