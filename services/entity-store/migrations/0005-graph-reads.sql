-- What reads of the graph need beside the tables.

-- Lists of all relationships, in their order. Nodes do not pay for it.
create index heads_by_edge on heads (household_id, type, record_id) where kind = 2 and not deleted;

-- The newest seq that was committed not after a time; 0 when there was none. Seqs have no gaps and commit times never
-- decrease, so a search by halves finds it in some twenty lookups, without an index that every commit would pay for.
create function log_seq_at(p_household text, p_at_us bigint) returns bigint
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
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
$$;

-- The name that heads would hold for a body: for sorting versions of the past. Bodies are JSON, but may hold \u0000,
-- which no text of PostgreSQL can.
create function body_name(p_body text) returns text
language plpgsql immutable
as $$
begin
  if json_typeof(p_body::json -> 'name') = 'string' then
    return left(p_body::json ->> 'name', 256);
  end if;
  return '';
exception when data_exception then
  return '';
end
$$;
