-- The whole first schema of entity-store: the log, the graph as it is now, and what follows the log.
--
-- Every key begins with household_id, the unit of isolation, ordering and locking. There are no foreign keys: one from
-- versions to households alone cost a quarter of the commit rate, and the only writer is planCommit.
-- Types, sources, outcomes and the like are the numbers of the enums in proto/funkygibbon/entity/v1. Times are
-- microseconds since 1970. Ids that are compared byte by byte, as the protocol demands, are COLLATE "C".

create extension if not exists pg_trgm;
-- Lets a GIN index begin with household_id.
create extension if not exists btree_gin;

-- Roles belong to the cluster, so another database may have created them already, or be creating them right now.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['funkygibbon_app', 'funkygibbon_relay', 'funkygibbon_definer'] loop
    begin
      if not exists (select from pg_roles where rolname = wanted) then
        execute format('create role %I nologin', wanted);
      end if;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
  -- Owns the few functions that have to look past row level security, and nothing else.
  if not exists (select from pg_roles where rolname = 'funkygibbon_definer' and rolbypassrls) then
    alter role funkygibbon_definer bypassrls;
  end if;
end
$$;

-- The row that every commit of a household locks. Updated in place, hence the free space in its pages.
create table households (
  household_id text collate "C" primary key,
  epoch uuid not null,
  head_seq bigint not null default 0,
  -- Sum modulo 2^64 over the live heads, in two's complement.
  digest bigint not null default 0,
  -- Grows by at least one with each commit, so the versions of one commit are those with the same commit time.
  committed_us bigint not null default 0,
  created_us bigint not null
) with (fillfactor = 50);

-- The log. Append-only: the application may neither update nor delete; retention empties old bodies as the owner.
create table record_versions (
  household_id text collate "C" not null,
  seq bigint not null,
  record_id uuid not null,
  version text collate "C" not null,
  device_id text collate "C" not null,
  sequence bigint not null,
  parents text[] collate "C" not null default '{}',
  kind smallint not null,
  type smallint not null,
  from_id uuid,
  to_id uuid,
  -- As the writer sent it: jsonb would change numbers and refuse some strings. Null in tombstones and once removed.
  body text,
  body_removed boolean not null default false,
  deleted boolean not null,
  content_hash bytea not null,
  -- JSON [[effective_us, device, sequence, [key, …]], …]; null: all keys by this very edit.
  stamps text,
  source smallint not null,
  author text collate "C" not null,
  healer text collate "C",
  claimed_us bigint not null,
  effective_us bigint not null,
  committed_us bigint not null,
  -- When the first accepted version of the record was committed: reads show it, and must not look for it in the history.
  created_us bigint not null,
  outcome smallint not null,
  origin_channel text,
  origin_client text,
  origin_tool text,
  origin_call text,
  primary key (household_id, seq)
);
-- (household, device, sequence) names one version; as a version string spells both out, it is unique in its record too.
create unique index record_versions_by_sequence on record_versions (household_id, device_id, sequence);
-- The history of a record, and what it said at a time: the last accepted one not committed after it.
create unique index record_versions_by_record on record_versions (household_id, record_id, seq) include (outcome);
-- Edges at an entity in the past; nodes do not pay for it.
create index record_versions_by_from on record_versions (household_id, from_id, type, seq) where from_id is not null;
create index record_versions_by_to on record_versions (household_id, to_id, type, seq) where to_id is not null;
-- Undo and audit ask by call; device pushes do not pay for it.
create index record_versions_by_call on record_versions (household_id, origin_call) where origin_call is not null;

-- What counts now, one row for each record that ever had a head; slim, because every commit rewrites its rows.
create table heads (
  household_id text collate "C" not null,
  record_id uuid not null,
  seq bigint not null,
  version text collate "C" not null,
  kind smallint not null,
  type smallint not null,
  source smallint not null,
  -- The key `name` of the body where it is text, at most 256 characters; empty otherwise.
  name text collate "C" not null default '',
  deleted boolean not null,
  -- A tombstone that the server wrote because an end of the edge was deleted: nobody's decision.
  cascaded boolean not null default false,
  -- This head's term of the digest, in two's complement; it counts while the head is live.
  digest_term bigint not null,
  from_id uuid,
  to_id uuid,
  primary key (household_id, record_id)
) with (fillfactor = 80);
-- Pages of the log. Hint bits and vacuum apart, the only index that changes with every new head.
create unique index heads_by_seq on heads (household_id, seq);
create index heads_by_name on heads (household_id, type, name, record_id) where kind = 1 and not deleted;
-- Tombstones too: a restore looks for the edges that its delete took.
create index heads_by_from on heads (household_id, from_id, type) where from_id is not null;
create index heads_by_to on heads (household_id, to_id, type) where to_id is not null;

-- Contradictions, written by the commits that decide them.
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
  -- JSON [{field, local?, server?, base?, decided?, rule}, …], the values JSON texts within it.
  fields text not null,
  local_author text collate "C" not null,
  local_device text collate "C" not null,
  server_author text collate "C",
  server_device text collate "C",
  opened_us bigint not null,
  settled_us bigint not null default 0,
  settled_by text collate "C",
  -- Counts the changes of this row; its etag.
  revision integer not null default 1,
  primary key (household_id, conflict_id)
);
create index conflicts_by_time on conflicts (household_id, opened_us desc, conflict_id desc);
create index conflicts_by_record on conflicts (household_id, record_id, opened_us desc);
create index conflicts_open on conflicts (household_id, record_id) where settled_us = 0;

-- How a household wants conflicts of one entity type settled; type 0: all types without a row of their own.
create table policies (
  household_id text collate "C" not null,
  entity_type smallint not null,
  strategy smallint,
  -- JSON {key: rule}.
  field_rules text not null default '{}',
  changed_us bigint not null,
  changed_by text collate "C" not null,
  primary key (household_id, entity_type)
);

-- Devices: whose they are, their durable clocks, how far they are, and the keys that tell a device from its clone.
create table devices (
  household_id text collate "C" not null,
  device_id text collate "C" not null,
  -- Null after the owner had it forgotten, and before its first session.
  user_id text collate "C",
  highest_sequence bigint not null default 0,
  newest_version text collate "C",
  -- Effective time of newest_version: later edits never come before it.
  newest_effective_us bigint not null default 0,
  acknowledged_seq bigint not null default 0,
  acknowledged_epoch uuid,
  last_seen_us bigint not null default 0,
  client_version text not null default '',
  platform text not null default '',
  -- SHA-256 of the last two session keys, the newer one first.
  session_key_hash bytea,
  previous_key_hash bytea,
  primary key (household_id, device_id)
) with (fillfactor = 70);

-- Results of API writes, kept for 24 hours so that the same request gets the same answer.
create table request_ids (
  household_id text collate "C" not null,
  request_id text collate "C" not null,
  -- Another request under the same id is refused.
  fingerprint text not null,
  result text not null,
  created_us bigint not null,
  primary key (household_id, request_id)
);
create index request_ids_by_age on request_ids (household_id, created_us);

-- How far each household's log has been published. A table of its own, so that relay and commits never wait for each other.
create table relay_positions (
  household_id text collate "C" primary key,
  relayed_seq bigint not null default 0
) with (fillfactor = 50);

-- The PostgreSQL cluster that this data was last written on. Another one may lack commits that devices have seen.
create table cluster_identity (
  only_row boolean primary key default true check (only_row),
  system_identifier bigint not null,
  timeline bigint not null,
  renewed_us bigint not null
);

-- The households of this transaction; '' on a pooled connection after an earlier one, hence nullif. Wrapped in a
-- subselect by the policies, so it runs once for each statement and not for each row.
create function app_households() returns text[]
language sql stable parallel safe
as $$ select string_to_array(nullif(current_setting('app.households', true), ''), ',') $$;

do $$
declare
  name text;
begin
  foreach name in array array[
    'households', 'record_versions', 'heads', 'conflicts', 'policies', 'devices', 'request_ids', 'relay_positions'
  ] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own_households on %I to funkygibbon_app, funkygibbon_relay
         using (household_id = any ((select app_households())::text[]))
         with check (household_id = any ((select app_households())::text[]))', name);
  end loop;
  -- The relay's sweep sees where every log stands, and nothing that it says.
  foreach name in array array['households', 'relay_positions'] loop
    execute format('create policy all_positions on %I to funkygibbon_relay using (true) with check (true)', name);
  end loop;
end
$$;

grant select, insert, update on households, heads, conflicts, devices to funkygibbon_app;
grant select, insert on record_versions, relay_positions to funkygibbon_app;
grant select, insert, update, delete on policies, request_ids to funkygibbon_app;
grant select on cluster_identity to funkygibbon_app;

grant select (household_id, epoch, head_seq, digest, committed_us) on households to funkygibbon_relay;
grant select on record_versions, heads to funkygibbon_relay;
grant select, update on relay_positions to funkygibbon_relay;

grant select on households, heads, record_versions to funkygibbon_definer;
grant select, update on households to funkygibbon_definer;
grant select, insert, update on cluster_identity to funkygibbon_definer;
