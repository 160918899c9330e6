-- New epochs: after a restore, and when PostgreSQL itself is not the one that was remembered (a failover to a replica
-- that had not everything). Devices that hold a cursor of the old epoch then bring back what the log has lost.

create function new_epoch() returns uuid
language sql volatile
as $$
  -- UUIDv7: the time in milliseconds, then random bits; PostgreSQL has its own from version 18 on only.
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) placing
        substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

-- Gives every household a new epoch. For `entity-store new-epoch`, after a restore by hand. Session keys are forgotten:
-- those that devices hold may be younger than those remembered here, which would look like a clone.
create function renew_epochs() returns bigint
language plpgsql security definer set search_path = public, pg_temp
as $$
declare
  renewed bigint;
begin
  update devices set session_key_hash = null, previous_key_hash = null;
  update households set epoch = new_epoch();
  get diagnostics renewed = row_count;
  return renewed;
end
$$;

-- Compares this PostgreSQL with the one remembered and renews all epochs when it is another; true when it was. Each new
-- connection of a writer asks, before it writes. The timeline is the first eight digits of a WAL file's name.
create function check_cluster_identity() returns boolean
language plpgsql security definer set search_path = public, pg_temp
as $$
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
$$;

grant select, update on devices to funkygibbon_definer;
alter function renew_epochs() owner to funkygibbon_definer;
alter function check_cluster_identity() owner to funkygibbon_definer;
revoke execute on function renew_epochs() from public;
revoke execute on function check_cluster_identity() from public;
grant execute on function check_cluster_identity() to funkygibbon_app;
-- pg_control_system() tells no secrets, but is not for everybody by default.
grant execute on function pg_control_system() to funkygibbon_definer;
