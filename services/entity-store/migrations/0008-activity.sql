-- The audit view lists calls from the newest back. Edits of devices belong to no call, and a home has many more of them:
-- they neither stand in these indexes nor pay for them.

-- Walked by seq. It asks for the door and the next one for the id, so that the planner takes neither for the other.
create index record_versions_by_origin on record_versions (household_id, seq) where origin_channel is not null;

-- What one call wrote, in the order of the log. By all that names a call, or the planner would rather look for its first
-- version among all calls that came before.
drop index record_versions_by_call;
create index record_versions_by_call on record_versions (household_id, origin_call, origin_channel, seq)
  where origin_call is not null;
