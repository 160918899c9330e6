-- Coordinators, clocks and events tell which log is the present one by the younger epoch. A new one is younger than the one
-- before it whatever the machine's clock says, which may be behind on the very machine that took over.

create function epoch_after(before uuid) returns uuid
language sql volatile
as $$
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
$$;

-- As in 0003, but for the order.
create or replace function renew_epochs() returns bigint
language plpgsql security definer set search_path = public, pg_temp
as $$
declare
  renewed bigint;
begin
  update devices set session_key_hash = null, previous_key_hash = null;
  update households set epoch = epoch_after(epoch);
  get diagnostics renewed = row_count;
  return renewed;
end
$$;

drop function new_epoch();
