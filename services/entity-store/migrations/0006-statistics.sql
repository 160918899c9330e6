-- Statistics for tables that have no rows yet. Stays the last migration that touches these tables: CREATE INDEX on an
-- empty table makes the planner believe that it stays empty (a test looks at the plans of a fresh database).
--
-- The statements of the commit keep the plan that was made at their first call, and that is mostly on empty tables.
-- Without statistics every index that begins with the household then costs the same: the wrong one was chosen and read
-- the whole household for each record (16 s instead of 1 s for 10,000). So the planner is shown one household with many
-- records, which is what every statement has to be good at; TRUNCATE keeps what ANALYZE has learnt, and real rows
-- replace it.
do $$
declare
  name text;
  names constant text[] := array['households', 'record_versions', 'heads', 'devices', 'conflicts'];
begin
  foreach name in array names loop
    -- The owner may be no superuser, and no policy is for the owner.
    execute format('alter table %I no force row level security', name);
  end loop;

  -- Whoever has data has statistics, and must keep both.
  if not exists (select from households) and not exists (select from record_versions) then
    insert into households (household_id, epoch, created_us) values ('sample', gen_random_uuid(), 0);

    insert into record_versions (
      household_id, seq, record_id, version, device_id, sequence, parents, kind, type, from_id, to_id, body, deleted,
      content_hash, source, author, claimed_us, effective_us, committed_us, created_us, outcome
    )
    select 'sample', n, gen_random_uuid(), 'version ' || n, 'device ' || n % 5, n, array['version ' || n - 1],
      1 + n % 2, 1 + n % 12, case when n % 2 = 1 then gen_random_uuid() end,
      case when n % 2 = 1 then gen_random_uuid() end, '{}', false, decode(md5(n::text), 'hex'), 1, 'user ' || n % 3,
      n, n, n, n, 1
    from generate_series(1, 2000) as n;

    insert into heads (
      household_id, record_id, seq, version, kind, type, source, name, deleted, digest_term, from_id, to_id
    )
    select household_id, record_id, seq, version, kind, type, source, 'name ' || seq, seq % 20 = 0, seq, from_id, to_id
    from record_versions;

    insert into devices (household_id, device_id, highest_sequence, newest_version)
    select 'sample', 'device ' || n, n, 'version ' || n from generate_series(1, 50) as n;

    insert into conflicts (
      household_id, conflict_id, record_id, record_kind, type, local_version, strategy, decision, fields, local_author,
      local_device, opened_us, settled_us
    )
    select 'sample', gen_random_uuid(), record_id, 1, 2, version, 3, 4, '[]', 'user', device_id, seq, seq
    from record_versions where seq % 10 = 0;

    analyze households, record_versions, heads, devices, conflicts;
    truncate households, record_versions, heads, devices, conflicts;
  end if;

  foreach name in array names loop
    execute format('alter table %I force row level security', name);
  end loop;
end
$$;
