-- The statements of the commit. They lock, read and write what they are told; every rule is in planCommit.
--
-- Functions, because their settings travel with them: a generic plan spares planning on each call (half of a small
-- commit), and a plan that was made while the tables were empty would stay a hash or merge join over the whole
-- household for ever, so only index lookups are left to choose.

-- Locks the households in one order, so that groups never wait for each other in a circle, and then says where their
-- logs stand. Two statements, because one that locks and reads sees the new row of the household but, of everything
-- else, what was there before it waited; statements after the lock see all that was committed before it.
create function commit_lock(p_households text[], p_skip_locked boolean)
returns table (
  household_id text, epoch uuid, head_seq bigint, digest bigint, committed_us bigint, any_open_conflict boolean
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
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
$$;

-- The heads of some records. p_household holds positions in p_households (from 1). With p_detail the head's whole
-- version comes along, body included: that is what an update is compared with.
create function commit_read_heads(p_households text[], p_household smallint[], p_record uuid[], p_detail boolean[])
returns table (
  household smallint, record_id uuid, seq bigint, version text, kind smallint, type smallint, source smallint,
  deleted boolean, cascaded boolean, digest_term bigint, from_id uuid, to_id uuid, parents text[], body text,
  body_removed boolean, content_hash bytea, stamps text, author text, healer text, device_id text, sequence bigint,
  claimed_us bigint, effective_us bigint, committed_us bigint, outcome smallint, origin_channel text,
  origin_client text, origin_tool text, origin_call text
)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;

-- The versions that already bear these sequences: resends, and sequences used twice. d_lowest holds the lowest sequence
-- asked of each device: mostly all are beyond what the device ever sent, and one look at its clock says so for all of
-- them. Devices of the server have no clock; p_certain then has every sequence looked up.
create function commit_read_versions(
  p_households text[], d_household smallint[], d_device text[], d_lowest bigint[], p_certain boolean,
  p_household smallint[], p_device text[], p_sequence bigint[]
)
returns table (
  household smallint, device_id text, sequence bigint, record_id uuid, version text, seq bigint, kind smallint,
  type smallint, deleted boolean, content_hash bytea, parents text[], effective_us bigint, outcome smallint
)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;

-- Edges at entities: the live ones of entities that are about to die (p_dies), and those which a deletion took, of
-- entities that are about to live: in a commit that deletes and restores an entity it is alive as far as is known here.
create function commit_read_edges(p_households text[], p_household smallint[], p_entity uuid[], p_dies boolean[])
returns table (
  household smallint, entity_id uuid, record_id uuid, seq bigint, version text, kind smallint, type smallint,
  source smallint, deleted boolean, cascaded boolean, digest_term bigint, from_id uuid, to_id uuid
)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;

-- The live edges of one type that can be walked upwards (from → to) from a node, however far: what a new edge could
-- close a cycle with. Edges form trees, so this is the path to the root.
create function commit_read_ways(p_households text[], p_household smallint[], p_type smallint[], p_start uuid[])
returns table (household smallint, type smallint, record_id uuid, from_id uuid, to_id uuid)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;

-- Writes a planned commit. Arrays of p_ are by household, of v_ by version, of d_ by device; a null array stands for
-- nulls only. v_head: 0 the version is no head, 1 the first head of its record, 2 a head in place of another. Fails as a
-- whole when a household is not where the plan believes it to be (FG001): epoch, seq, digest and commit time together
-- name one state of a log, so a plan may also be made from memory, before the lock is held. It fails too when a record
-- or sequence that the plan takes for new is there already (unique_violation).
create function commit_write(
  p_households text[], p_epoch uuid[], p_previous_seq bigint[], p_previous_digest bigint[],
  p_previous_committed_us bigint[], p_head_seq bigint[], p_digest bigint[], p_committed_us bigint[],
  v_household smallint[], v_seq bigint[], v_record uuid[], v_version text[], v_device text[], v_sequence bigint[],
  v_parents text[], v_kind smallint[], v_type smallint[], v_from uuid[], v_to uuid[], v_body text[],
  v_deleted boolean[], v_hash bytea[], v_stamps text[], v_source smallint[], v_author text[], v_healer text[],
  v_claimed_us bigint[], v_effective_us bigint[], v_outcome smallint[],
  v_channel text[], v_client text[], v_tool text[], v_call text[],
  v_head smallint[], v_name text[], v_cascaded boolean[], v_digest_term bigint[],
  d_household smallint[], d_device text[], d_sequence bigint[], d_version text[], d_effective_us bigint[]
) returns void
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;
