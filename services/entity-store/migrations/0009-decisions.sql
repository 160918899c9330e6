-- Decisions of people by which a record stays as it is: they write no version, and the audit view tells of them all the
-- same. A call's place there is the seq of its first version; a decision comes right after the version that was the
-- newest one then.
create table decisions (
  household_id text collate "C" not null,
  seq bigint not null,
  decided_us bigint not null,
  conflict_id uuid not null,
  -- The conflict's after the decision: one can be decided again.
  revision integer not null,
  record_id uuid not null,
  author text collate "C" not null,
  origin_channel text collate "C" not null,
  origin_client text not null,
  origin_tool text not null,
  origin_call text collate "C" not null,
  primary key (household_id, conflict_id, revision)
);
-- People decide seldom: what is asked of one call or one record looks through all of a household's decisions.
create index decisions_in_order on decisions (household_id, seq desc, decided_us desc, conflict_id desc, revision desc);

alter table decisions enable row level security;
alter table decisions force row level security;
create policy own_households on decisions to funkygibbon_app, funkygibbon_relay
  using (household_id = any ((select app_households())::text[]))
  with check (household_id = any ((select app_households())::text[]));
grant select, insert on decisions to funkygibbon_app;
