-- The schema as all migrations together make it, read from the catalogs. Nobody applies this file: it is here to be read
-- and reviewed. After a change of the migrations: npm test -- services/entity-store/src/schema.pg.test.ts -u

create extension btree_gin;
create extension pg_trgm;

create table cluster_identity (
  only_row boolean not null default true,
  system_identifier bigint not null,
  timeline bigint not null,
  renewed_us bigint not null,
  constraint cluster_identity_only_row_check CHECK (only_row),
  constraint cluster_identity_pkey PRIMARY KEY (only_row)
);

create table conflicts (
  household_id text collate "C" not null,
  conflict_id uuid not null,
  record_id uuid not null,
  record_kind smallint not null,
  type smallint not null,
  local_version text collate "C" not null,
  server_version text collate "C",
  base_version text collate "C",
  resolved_version text collate "C",
  strategy smallint not null,
  decision smallint not null,
  fields text not null,
  local_author text collate "C" not null,
  local_device text collate "C" not null,
  server_author text collate "C",
  server_device text collate "C",
  opened_us bigint not null,
  settled_us bigint not null default 0,
  settled_by text collate "C",
  revision integer not null default 1,
  constraint conflicts_pkey PRIMARY KEY (household_id, conflict_id)
);

create table decisions (
  household_id text collate "C" not null,
  seq bigint not null,
  decided_us bigint not null,
  conflict_id uuid not null,
  revision integer not null,
  record_id uuid not null,
  author text collate "C" not null,
  origin_channel text collate "C" not null,
  origin_client text not null,
  origin_tool text not null,
  origin_call text collate "C" not null,
  constraint decisions_pkey PRIMARY KEY (household_id, conflict_id, revision)
);

create table devices (
  household_id text collate "C" not null,
  device_id text collate "C" not null,
  user_id text collate "C",
  highest_sequence bigint not null default 0,
  newest_version text collate "C",
  newest_effective_us bigint not null default 0,
  acknowledged_seq bigint not null default 0,
  acknowledged_epoch uuid,
  last_seen_us bigint not null default 0,
  client_version text not null default ''::text,
  platform text not null default ''::text,
  session_key_hash bytea,
  previous_key_hash bytea,
  constraint devices_pkey PRIMARY KEY (household_id, device_id)
) with (fillfactor=70);

create table heads (
  household_id text collate "C" not null,
  record_id uuid not null,
  seq bigint not null,
  version text collate "C" not null,
  kind smallint not null,
  type smallint not null,
  source smallint not null,
  name text collate "C" not null default ''::text,
  deleted boolean not null,
  cascaded boolean not null default false,
  digest_term bigint not null,
  from_id uuid,
  to_id uuid,
  constraint heads_pkey PRIMARY KEY (household_id, record_id)
) with (fillfactor=80);

create table households (
  household_id text collate "C" not null,
  epoch uuid not null,
  head_seq bigint not null default 0,
  digest bigint not null default 0,
  committed_us bigint not null default 0,
  created_us bigint not null,
  constraint households_pkey PRIMARY KEY (household_id)
) with (fillfactor=50);

create table policies (
  household_id text collate "C" not null,
  entity_type smallint not null,
  strategy smallint,
  field_rules text not null default '{}'::text,
  changed_us bigint not null,
  changed_by text collate "C" not null,
  constraint policies_pkey PRIMARY KEY (household_id, entity_type)
);

create table record_versions (
  household_id text collate "C" not null,
  seq bigint not null,
  record_id uuid not null,
  version text collate "C" not null,
  device_id text collate "C" not null,
  sequence bigint not null,
  parents text[] collate "C" not null default '{}'::text[],
  kind smallint not null,
  type smallint not null,
  from_id uuid,
  to_id uuid,
  body text,
  body_removed boolean not null default false,
  deleted boolean not null,
  content_hash bytea not null,
  stamps text,
  source smallint not null,
  author text collate "C" not null,
  healer text collate "C",
  claimed_us bigint not null,
  effective_us bigint not null,
  committed_us bigint not null,
  created_us bigint not null,
  outcome smallint not null,
  origin_channel text,
  origin_client text,
  origin_tool text,
  origin_call text,
  constraint record_versions_pkey PRIMARY KEY (household_id, seq)
);

create table relay_positions (
  household_id text collate "C" not null,
  relayed_seq bigint not null default 0,
  constraint relay_positions_pkey PRIMARY KEY (household_id)
) with (fillfactor=50);

create table request_ids (
  household_id text collate "C" not null,
  request_id text collate "C" not null,
  fingerprint text not null,
  result text not null,
  created_us bigint not null,
  constraint request_ids_pkey PRIMARY KEY (household_id, request_id)
);

create table search (
  household_id text collate "C" not null,
  record_id uuid not null,
  seq bigint not null,
  type smallint not null,
  name text not null,
  words tsvector not null,
  facts text[] not null,
  constraint search_pkey PRIMARY KEY (household_id, record_id)
);
alter table search alter column household_id set (n_distinct=1);

create table search_positions (
  household_id text collate "C" not null,
  projected_seq bigint not null default 0,
  constraint search_positions_pkey PRIMARY KEY (household_id)
) with (fillfactor=50);

create table search_words (
  household_id text collate "C" not null,
  word text collate "C" not null,
  constraint search_words_pkey PRIMARY KEY (household_id, word)
);
alter table search_words alter column household_id set (n_distinct=1);

CREATE INDEX conflicts_by_record ON public.conflicts USING btree (household_id, record_id, opened_us DESC);
CREATE INDEX conflicts_by_time ON public.conflicts USING btree (household_id, opened_us DESC, conflict_id DESC);
CREATE INDEX conflicts_open ON public.conflicts USING btree (household_id, record_id) WHERE (settled_us = 0);
CREATE INDEX decisions_in_order ON public.decisions USING btree (household_id, seq DESC, decided_us DESC, conflict_id DESC, revision DESC);
CREATE INDEX heads_by_edge ON public.heads USING btree (household_id, type, record_id) WHERE ((kind = 2) AND (NOT deleted));
CREATE INDEX heads_by_from ON public.heads USING btree (household_id, from_id, type) WHERE (from_id IS NOT NULL);
CREATE INDEX heads_by_name ON public.heads USING btree (household_id, type, name, record_id) WHERE ((kind = 1) AND (NOT deleted));
CREATE UNIQUE INDEX heads_by_seq ON public.heads USING btree (household_id, seq);
CREATE INDEX heads_by_to ON public.heads USING btree (household_id, to_id, type) WHERE (to_id IS NOT NULL);
CREATE INDEX record_versions_by_call ON public.record_versions USING btree (household_id, origin_call, origin_channel, seq) WHERE (origin_call IS NOT NULL);
CREATE INDEX record_versions_by_from ON public.record_versions USING btree (household_id, from_id, type, seq) WHERE (from_id IS NOT NULL);
CREATE INDEX record_versions_by_origin ON public.record_versions USING btree (household_id, seq) WHERE (origin_channel IS NOT NULL);
CREATE UNIQUE INDEX record_versions_by_record ON public.record_versions USING btree (household_id, record_id, seq) INCLUDE (outcome);
CREATE UNIQUE INDEX record_versions_by_sequence ON public.record_versions USING btree (household_id, device_id, sequence);
CREATE INDEX record_versions_by_to ON public.record_versions USING btree (household_id, to_id, type, seq) WHERE (to_id IS NOT NULL);
CREATE INDEX request_ids_by_age ON public.request_ids USING btree (household_id, created_us);
CREATE INDEX search_by_facts ON public.search USING gin (household_id, facts) WITH (gin_pending_list_limit='128');
CREATE INDEX search_by_name_part ON public.search USING gin (household_id, name gin_trgm_ops) WITH (gin_pending_list_limit='128');
CREATE INDEX search_by_name_start ON public.search USING btree (household_id, name text_pattern_ops);
CREATE INDEX search_by_words ON public.search USING gin (household_id, words) WITH (gin_pending_list_limit='128');
CREATE INDEX search_words_by_part ON public.search_words USING gin (household_id, word gin_trgm_ops) WITH (gin_pending_list_limit='128');

alter table conflicts enable row level security;
alter table conflicts force row level security;
alter table decisions enable row level security;
alter table decisions force row level security;
alter table devices enable row level security;
alter table devices force row level security;
alter table heads enable row level security;
alter table heads force row level security;
alter table households enable row level security;
alter table households force row level security;
alter table policies enable row level security;
alter table policies force row level security;
alter table record_versions enable row level security;
alter table record_versions force row level security;
alter table relay_positions enable row level security;
alter table relay_positions force row level security;
alter table request_ids enable row level security;
alter table request_ids force row level security;
alter table search enable row level security;
alter table search force row level security;
alter table search_positions enable row level security;
alter table search_positions force row level security;
alter table search_words enable row level security;
alter table search_words force row level security;

create policy own_households on conflicts for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on decisions for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on devices for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on heads for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy all_positions on households for all to funkygibbon_relay
  using (true)
  with check (true);
create policy own_households on households for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on policies for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on record_versions for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy all_positions on relay_positions for all to funkygibbon_relay
  using (true)
  with check (true);
create policy own_households on relay_positions for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on request_ids for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on search for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy all_positions on search_positions for all to funkygibbon_relay
  using (true)
  with check (true);
create policy own_households on search_positions for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));
create policy own_households on search_words for all to funkygibbon_app, funkygibbon_relay
  using ((household_id = ANY (( SELECT app_households() AS app_households)::text[])))
  with check ((household_id = ANY (( SELECT app_households() AS app_households)::text[])));

grant select on cluster_identity to funkygibbon_app;
grant insert, select, update on cluster_identity to funkygibbon_definer;
grant insert, select, update on conflicts to funkygibbon_app;
grant insert, select on decisions to funkygibbon_app;
grant insert, select, update on devices to funkygibbon_app;
grant select, update on devices to funkygibbon_definer;
grant insert, select, update on heads to funkygibbon_app;
grant select on heads to funkygibbon_definer;
grant select on heads to funkygibbon_relay;
grant insert, select, update on households to funkygibbon_app;
grant select, update on households to funkygibbon_definer;
grant delete, insert, select, update on policies to funkygibbon_app;
grant insert, select on record_versions to funkygibbon_app;
grant select on record_versions to funkygibbon_definer;
grant select on record_versions to funkygibbon_relay;
grant insert, select on relay_positions to funkygibbon_app;
grant select, update on relay_positions to funkygibbon_relay;
grant delete, insert, select, update on request_ids to funkygibbon_app;
grant delete, insert, select, update on search to funkygibbon_app;
grant select on search to funkygibbon_definer;
grant insert, select, update on search_positions to funkygibbon_app;
grant select on search_positions to funkygibbon_relay;
grant insert, select on search_words to funkygibbon_app;
grant delete, select on search_words to funkygibbon_definer;

grant select (household_id) on households to funkygibbon_relay;
grant select (epoch) on households to funkygibbon_relay;
grant select (head_seq) on households to funkygibbon_relay;
grant select (digest) on households to funkygibbon_relay;
grant select (committed_us) on households to funkygibbon_relay;

CREATE OR REPLACE FUNCTION public.app_household()
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  if cardinality(app_households()) is distinct from 1 then
    raise exception 'the transaction is not scoped to one household' using errcode = 'insufficient_privilege';
  end if;
  return (app_households())[1];
end
$function$;

CREATE OR REPLACE FUNCTION public.app_households()
 RETURNS text[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select string_to_array(nullif(current_setting('app.households', true), ''), ',') $function$;

CREATE OR REPLACE FUNCTION public.body_name(p_body text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
begin
  if json_typeof(p_body::json -> 'name') = 'string' then
    return left(p_body::json ->> 'name', 256);
  end if;
  return '';
exception when data_exception then
  return '';
end
$function$;

CREATE OR REPLACE FUNCTION public.check_cluster_identity()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  own_system bigint;
  own_timeline bigint;
  known cluster_identity;
begin
  select system_identifier into own_system from pg_control_system();
  own_timeline := ('x' || lpad(substring(pg_walfile_name(pg_current_wal_lsn()) from 1 for 8), 16, '0'))::bit(64)::bigint;
  select * into known from cluster_identity;
  if found and known.system_identifier = own_system and known.timeline = own_timeline then
    return false;
  end if;
  -- Two writers that find a new PostgreSQL at once must not renew twice.
  perform pg_advisory_xact_lock(hashtext('funkygibbon.cluster_identity'));
  select * into known from cluster_identity;
  if found and known.system_identifier = own_system and known.timeline = own_timeline then
    return false;
  end if;
  insert into cluster_identity (system_identifier, timeline, renewed_us)
    values (own_system, own_timeline, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
    on conflict (only_row) do update set system_identifier = excluded.system_identifier,
      timeline = excluded.timeline, renewed_us = excluded.renewed_us;
  if known.system_identifier is null then
    return false;
  end if;
  perform renew_epochs();
  return true;
end
$function$;
alter function check_cluster_identity() owner to funkygibbon_definer;
revoke execute on function check_cluster_identity() from public;
grant execute on function check_cluster_identity() to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.commit_lock(p_households text[], p_skip_locked boolean)
 RETURNS TABLE(household_id text, epoch uuid, head_seq bigint, digest bigint, committed_us bigint, any_open_conflict boolean)
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
declare
  locked text[];
begin
  if p_skip_locked then
    select array_agg(l.household_id) into locked from (
      select h.household_id from households h
      where h.household_id = any (p_households) order by h.household_id for update skip locked
    ) l;
  else
    select array_agg(l.household_id) into locked from (
      select h.household_id from households h
      where h.household_id = any (p_households) order by h.household_id for update
    ) l;
  end if;
  return query
    select h.household_id, h.epoch, h.head_seq, h.digest, h.committed_us,
      exists (select from conflicts c where c.household_id = h.household_id and c.settled_us = 0)
    from households h where h.household_id = any (locked);
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_read_edges(p_households text[], p_household smallint[], p_entity uuid[], p_dies boolean[])
 RETURNS TABLE(household smallint, entity_id uuid, record_id uuid, seq bigint, version text, kind smallint, type smallint, source smallint, deleted boolean, cascaded boolean, digest_term bigint, from_id uuid, to_id uuid)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return query
    select q.household, q.entity, e.record_id, e.seq, e.version, e.kind, e.type, e.source, e.deleted, e.cascaded,
      e.digest_term, e.from_id, e.to_id
    from unnest(p_household, p_entity, p_dies) as q (household, entity, dies)
    cross join lateral (
      select h.* from heads h where h.household_id = p_households[q.household] and h.from_id = q.entity
      union
      select h.* from heads h where h.household_id = p_households[q.household] and h.to_id = q.entity
    ) e
    where case when q.dies then not e.deleted else e.deleted and e.cascaded end;
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_read_heads(p_households text[], p_household smallint[], p_record uuid[], p_detail boolean[])
 RETURNS TABLE(household smallint, record_id uuid, seq bigint, version text, kind smallint, type smallint, source smallint, deleted boolean, cascaded boolean, digest_term bigint, from_id uuid, to_id uuid, parents text[], body text, body_removed boolean, content_hash bytea, stamps text, author text, healer text, device_id text, sequence bigint, claimed_us bigint, effective_us bigint, committed_us bigint, outcome smallint, origin_channel text, origin_client text, origin_tool text, origin_call text)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return query
    select q.household, h.record_id, h.seq, h.version, h.kind, h.type, h.source, h.deleted, h.cascaded, h.digest_term,
      h.from_id, h.to_id, v.parents, v.body, v.body_removed, v.content_hash, v.stamps, v.author, v.healer, v.device_id,
      v.sequence, v.claimed_us, v.effective_us, v.committed_us, v.outcome, v.origin_channel, v.origin_client,
      v.origin_tool, v.origin_call
    from unnest(p_household, p_record, p_detail) as q (household, record, detail)
    join heads h on h.household_id = p_households[q.household] and h.record_id = q.record
    left join record_versions v on q.detail and v.household_id = h.household_id and v.seq = h.seq;
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_read_versions(p_households text[], d_household smallint[], d_device text[], d_lowest bigint[], p_certain boolean, p_household smallint[], p_device text[], p_sequence bigint[])
 RETURNS TABLE(household smallint, device_id text, sequence bigint, record_id uuid, version text, seq bigint, kind smallint, type smallint, deleted boolean, content_hash bytea, parents text[], effective_us bigint, outcome smallint)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  if not p_certain and not exists (
    select from unnest(d_household, d_device, d_lowest) as q (household, device, lowest)
    join devices d on d.household_id = p_households[q.household] and d.device_id = q.device
    where d.highest_sequence >= q.lowest
  ) then
    return;
  end if;
  return query
    select q.household, v.device_id, v.sequence, v.record_id, v.version, v.seq, v.kind, v.type, v.deleted,
      v.content_hash, v.parents, v.effective_us, v.outcome
    from unnest(p_household, p_device, p_sequence) as q (household, device, sequence)
    join record_versions v on v.household_id = p_households[q.household] and v.device_id = q.device
      and v.sequence = q.sequence;
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_read_ways(p_households text[], p_household smallint[], p_type smallint[], p_start uuid[])
 RETURNS TABLE(household smallint, type smallint, record_id uuid, from_id uuid, to_id uuid)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return query
    with recursive way (household, type, record_id, from_id, to_id) as (
      select q.household, q.type, h.record_id, h.from_id, h.to_id
      from unnest(p_household, p_type, p_start) as q (household, type, start)
      join heads h on h.household_id = p_households[q.household] and h.from_id = q.start and h.type = q.type
        and not h.deleted
      union
      select w.household, w.type, h.record_id, h.from_id, h.to_id
      from way w
      join heads h on h.household_id = p_households[w.household] and h.from_id = w.to_id and h.type = w.type
        and not h.deleted
    )
    select * from way;
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_write(p_households text[], p_epoch uuid[], p_previous_seq bigint[], p_previous_digest bigint[], p_previous_committed_us bigint[], p_head_seq bigint[], p_digest bigint[], p_committed_us bigint[], v_household smallint[], v_seq bigint[], v_record uuid[], v_version text[], v_device text[], v_sequence bigint[], v_parents text[], v_kind smallint[], v_type smallint[], v_from uuid[], v_to uuid[], v_body text[], v_deleted boolean[], v_hash bytea[], v_stamps text[], v_source smallint[], v_author text[], v_healer text[], v_claimed_us bigint[], v_effective_us bigint[], v_outcome smallint[], v_channel text[], v_client text[], v_tool text[], v_call text[], v_head smallint[], v_name text[], v_cascaded boolean[], v_digest_term bigint[], d_household smallint[], d_device text[], d_sequence bigint[], d_version text[], d_effective_us bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  moved integer;
begin
  update households h
    set head_seq = p.head_seq, digest = p.digest, committed_us = p.committed_us
    from unnest(
      p_households, p_epoch, p_previous_seq, p_previous_digest, p_previous_committed_us, p_head_seq, p_digest,
      p_committed_us
    ) as p (
      household, epoch, previous_seq, previous_digest, previous_committed_us, head_seq, digest, committed_us
    )
    where h.household_id = p.household and h.epoch = p.epoch and h.head_seq = p.previous_seq
      and h.digest = p.previous_digest and h.committed_us = p.previous_committed_us;
  get diagnostics moved = row_count;
  if moved <> cardinality(p_households) then
    raise exception 'a household is not where the plan believes it to be' using errcode = 'FG001';
  end if;

  insert into record_versions (
    household_id, seq, record_id, version, device_id, sequence, parents, kind, type, from_id, to_id, body, deleted,
    content_hash, stamps, source, author, healer, claimed_us, effective_us, committed_us, created_us, outcome,
    origin_channel, origin_client, origin_tool, origin_call
  )
  select p_households[v.household], v.seq, v.record, v.version, v.device, v.sequence,
    -- Arrays of arrays must be rectangular, so the parents of one version come as one text.
    case when v.parents is null then '{}' else string_to_array(v.parents, ' ') end,
    v.kind, v.type, v.from_id, v.to_id, v.body, v.deleted, v.hash, v.stamps, v.source, v.author, v.healer,
    v.claimed_us, v.effective_us, p_committed_us[v.household],
    coalesce(
      -- A first head has no accepted version before it.
      case when v.head <> 1 then (
        select f.created_us from record_versions f
        where f.household_id = p_households[v.household] and f.record_id = v.record and f.outcome in (1, 2)
        order by f.seq limit 1
      ) end,
      p_committed_us[v.household]
    ),
    v.outcome, v.channel, v.client, v.tool, v.call
  from unnest(
    v_household, v_seq, v_record, v_version, v_device, v_sequence, v_parents, v_kind, v_type, v_from, v_to, v_body,
    v_deleted, v_hash, v_stamps, v_source, v_author, v_healer, v_claimed_us, v_effective_us, v_outcome,
    v_channel, v_client, v_tool, v_call, v_head
  ) as v (
    household, seq, record, version, device, sequence, parents, kind, type, from_id, to_id, body,
    deleted, hash, stamps, source, author, healer, claimed_us, effective_us, outcome, channel, client, tool, call, head
  );

  -- Under the lock it is known which heads are new, and a plain INSERT costs a third less than one that may conflict.
  if 1 = any (v_head) then
    insert into heads (
      household_id, record_id, seq, version, kind, type, source, name, deleted, cascaded, digest_term, from_id, to_id
    )
    select p_households[v.household], v.record, v.seq, v.version, v.kind, v.type, v.source, v.name, v.deleted,
      v.cascaded, v.digest_term, v.from_id, v.to_id
    from unnest(
      v_head, v_household, v_record, v_seq, v_version, v_kind, v_type, v_source, v_name, v_deleted, v_cascaded,
      v_digest_term, v_from, v_to
    ) as v (
      head, household, record, seq, version, kind, type, source, name, deleted, cascaded, digest_term, from_id, to_id
    )
    where v.head = 1;
  end if;
  if 2 = any (v_head) then
    update heads h set
      seq = v.seq, version = v.version, type = v.type, source = v.source, name = v.name, deleted = v.deleted,
      cascaded = v.cascaded, digest_term = v.digest_term, from_id = v.from_id, to_id = v.to_id
    from unnest(
      v_head, v_household, v_record, v_seq, v_version, v_type, v_source, v_name, v_deleted, v_cascaded, v_digest_term,
      v_from, v_to
    ) as v (
      head, household, record, seq, version, type, source, name, deleted, cascaded, digest_term, from_id, to_id
    )
    where v.head = 2 and h.household_id = p_households[v.household] and h.record_id = v.record;
  end if;

  insert into devices as d (household_id, device_id, highest_sequence, newest_version, newest_effective_us)
  select p_households[n.household], n.device, n.sequence, n.version, n.effective_us
  from unnest(d_household, d_device, d_sequence, d_version, d_effective_us)
    as n (household, device, sequence, version, effective_us)
  on conflict (household_id, device_id) do update set
    highest_sequence = excluded.highest_sequence, newest_version = excluded.newest_version,
    newest_effective_us = excluded.newest_effective_us
  where excluded.highest_sequence > d.highest_sequence or d.newest_version is null;
end
$function$;

CREATE OR REPLACE FUNCTION public.epoch_after(before uuid)
 RETURNS uuid
 LANGUAGE sql
AS $function$
  -- UUIDv7: the time in milliseconds, then random bits; PostgreSQL has its own from version 18 on only.
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) placing substring(int8send(t.ms) from 3) from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid
  from (
    select greatest(
      (extract(epoch from clock_timestamp()) * 1000)::bigint,
      ('x' || lpad(left(replace(before::text, '-', ''), 12), 16, '0'))::bit(64)::bigint + 1
    ) as ms
  ) t
$function$;

CREATE OR REPLACE FUNCTION public.forget_words(p_words text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_indexscan TO 'off'
AS $function$
declare
  own text := app_household();
  name_word text;
begin
  foreach name_word in array p_words loop
    if not exists (
      select from search s
      where s.household_id = (select own) and s.words @@ ('''=' || name_word || '''')::tsquery
    ) then
      delete from search_words w where w.household_id = (select own) and w.word = name_word;
    end if;
  end loop;
end
$function$;
alter function forget_words(text[]) owner to funkygibbon_definer;
revoke execute on function forget_words(text[]) from public;
grant execute on function forget_words(text[]) to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.log_seq_at(p_household text, p_at_us bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
declare
  low bigint := 0;
  high bigint := (select h.head_seq from households h where h.household_id = p_household);
  middle bigint;
begin
  while low < high loop
    middle := (low + high + 1) / 2;
    if (select v.committed_us <= p_at_us from record_versions v where v.household_id = p_household and v.seq = middle) then
      low := middle;
    else
      high := middle - 1;
    end if;
  end loop;
  return low;
end
$function$;

CREATE OR REPLACE FUNCTION public.named_candidates(p_words text, p_best text, p_types smallint[], p_limit integer)
 RETURNS TABLE(record_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  own text := app_household();
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.words @@ p_words::tsquery and s.type = any (p_types)
    order by s.words @@ p_best::tsquery desc, length(s.name), s.name, s.record_id limit p_limit;
end
$function$;
alter function named_candidates(text,text,smallint[],integer) owner to funkygibbon_definer;
revoke execute on function named_candidates(text,text,smallint[],integer) from public;
grant execute on function named_candidates(text,text,smallint[],integer) to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.renew_epochs()
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  renewed bigint;
begin
  update devices set session_key_hash = null, previous_key_hash = null;
  update households set epoch = epoch_after(epoch);
  get diagnostics renewed = row_count;
  return renewed;
end
$function$;
alter function renew_epochs() owner to funkygibbon_definer;
revoke execute on function renew_epochs() from public;

CREATE OR REPLACE FUNCTION public.search_candidates(p_query text, p_pattern text, p_words text, p_types smallint[], p_limit integer)
 RETURNS TABLE(record_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  own text := app_household();
  found_count integer := 0;
  rows_found integer;
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.name like p_pattern || '%' and s.type = any (p_types)
    order by s.name = p_query desc, length(s.name), s.name, s.record_id limit p_limit;
  get diagnostics rows_found = row_count;
  found_count := rows_found;

  if found_count < p_limit then
    return query
      select s.record_id from search s
      where s.household_id = (select own) and s.name like '%' || p_pattern || '%' and s.type = any (p_types)
      order by length(s.name), s.name, s.record_id limit p_limit;
    get diagnostics rows_found = row_count;
    -- A wider question finds again what a narrower one has found.
    found_count := greatest(found_count, rows_found);
  end if;

  if found_count < p_limit and p_words <> '' then
    return query
      select s.record_id from search s
      where s.household_id = (select own) and s.words @@ p_words::tsquery and s.type = any (p_types)
      -- A word says more of a short text than of a long one.
      order by length(s.words), s.name, s.record_id limit p_limit;
  end if;
end
$function$;
alter function search_candidates(text,text,text,smallint[],integer) owner to funkygibbon_definer;
revoke execute on function search_candidates(text,text,text,smallint[],integer) from public;
grant execute on function search_candidates(text,text,text,smallint[],integer) to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.similar_candidates(p_type smallint, p_facts text[], p_name text, p_limit integer)
 RETURNS TABLE(record_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET enable_seqscan TO 'off'
 SET "pg_trgm.similarity_threshold" TO '0.3'
AS $function$
declare
  own text := app_household();
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.type = p_type and s.facts && p_facts
    order by (select count(*) from unnest(s.facts) f where f = any (p_facts)) desc, s.record_id limit p_limit;
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.type = p_type and s.name % p_name
    order by similarity(s.name, p_name) desc, s.record_id limit p_limit;
end
$function$;
alter function similar_candidates(smallint,text[],text,integer) owner to funkygibbon_definer;
revoke execute on function similar_candidates(smallint,text[],text,integer) from public;
grant execute on function similar_candidates(smallint,text[],text,integer) to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.similar_words(p_words text[], p_meant text[], p_variants text[], p_limit integer)
 RETURNS TABLE(meant text, word text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET "pg_trgm.word_similarity_threshold" TO '0.25'
AS $function$
declare
  own text := app_household();
begin
  return query
    select q.word, s.word from unnest(p_words) q (word) cross join lateral (
      select w.word from search_words w where w.household_id = (select own) and q.word <% w.word
      order by word_similarity(q.word, w.word) desc, w.word limit p_limit
    ) s;
  return query
    select q.meant, s.word from unnest(p_meant, p_variants) q (meant, variant) cross join lateral (
      select w.word from search_words w
      where w.household_id = (select own) and w.word >= q.variant and w.word < q.variant || chr(1114111)
      order by w.word limit p_limit
    ) s;
end
$function$;
alter function similar_words(text[],text[],text[],integer) owner to funkygibbon_definer;
revoke execute on function similar_words(text[],text[],text[],integer) from public;
grant execute on function similar_words(text[],text[],text[],integer) to funkygibbon_app;

CREATE OR REPLACE FUNCTION public.unprojected_entities(p_household text, p_types smallint[], p_heads bigint, p_limit bigint)
 RETURNS TABLE(record_id uuid)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
declare
  projected bigint := coalesce(
    (select p.projected_seq from search_positions p where p.household_id = p_household), 0);
begin
  return query
    select h.record_id
    from (
      select h.record_id, h.kind, h.type, h.deleted from heads h
      where h.household_id = p_household and h.seq > projected order by h.seq desc limit p_heads
    ) h
    where h.kind = 1 and not h.deleted and h.type = any (p_types)
    limit p_limit;
end
$function$;
